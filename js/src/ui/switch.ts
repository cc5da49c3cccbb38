// A choice between a few options: a row of buttons with one pressed. Arrow keys move between them.

import { element } from "./dom";
import { isBare, take } from "./keys";

export function segmented<Name extends string>(
  label: string,
  options: Readonly<Record<Name, string>>,
  chosen: Name,
  onChoose: (name: Name) => void,
): HTMLElement {
  const names = Object.keys(options) as Name[];
  const buttons = names.map((name) => element("button", { type: "button", role: "radio", "data-option": name }, options[name]));
  const show = (chosen: Name) =>
    buttons.forEach((button, i) => {
      button.setAttribute("aria-checked", String(names[i] === chosen));
      button.tabIndex = names[i] === chosen ? 0 : -1;
    });
  const choose = (i: number) => {
    const name = names[(i + names.length) % names.length] as Name;
    show(name);
    onChoose(name);
  };
  buttons.forEach((button, i) => {
    button.addEventListener("click", () => choose(i));
    button.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!by || !isBare(event)) return;
      take(event);
      choose(i + by);
      buttons[(i + by + names.length) % names.length]?.focus();
    });
  });
  show(chosen);
  return element("div", { class: "tb-switch", "data-capture": "no", role: "radiogroup", "aria-label": label }, ...buttons);
}
