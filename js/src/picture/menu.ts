// The menu of a view: copy its code, save its numbers, save its picture.

import { copyText } from "../ui/copy";
import { element, focusedIn } from "../ui/dom";
import { download } from "../ui/download";
import { isBare, take } from "../ui/keys";
import { popup } from "../ui/popup";
import { pngOf, svgOf } from "./picture";

/** How long the menu stays open after a click, while the item says "Copied". */
const SAID_MS = 900;

export interface MenuItem {
  label: string;
  run: (button: HTMLElement) => void | Promise<void>;
}

/** What a view can give. Each is made on demand. */
export interface Takeaways {
  /** The stem of the file names. */
  name: string;
  code: () => string;
  csv: () => string;
}

export function viewMenu(root: HTMLElement, take: Takeaways, signal: AbortSignal): HTMLElement {
  return menu(
    [
      { label: "Copy code", run: (button) => copyText(take.code(), button) },
      { label: "Save numbers (CSV)", run: () => download(`${take.name}.csv`, new Blob([take.csv()], { type: "text/csv" })) },
      { label: "Save picture (PNG)", run: async () => download(`${take.name}.png`, await pngOf(root)) },
      { label: "Save picture (SVG)", run: () => download(`${take.name}.svg`, svgOf(root)) },
    ],
    signal,
  );
}

export function menu(items: readonly MenuItem[], signal: AbortSignal): HTMLElement {
  const button = element(
    "button",
    { class: "tb-button tb-menu-button", type: "button", "aria-haspopup": "menu", "aria-label": "Menu" },
    "⋯",
  );
  const list = element("div", { role: "menu" });
  const failure = element("p", { class: "tb-menu-failure tb-error", role: "alert", hidden: true });
  const panel = element("div", {}, list, failure);
  const { el, close } = popup(button, panel, signal);
  let closing: ReturnType<typeof setTimeout> | undefined;
  const leave = () => {
    close();
    const focused = focusedIn(panel);
    // Keep the focus where it is if the reader has moved it.
    if (!focused || focused === document.body || panel.contains(focused)) button.focus({ preventScroll: true });
  };
  const buttons = items.map(({ label, run }) => {
    const item = element("button", { class: "tb-menu-item", role: "menuitem", type: "button", tabindex: -1 }, label);
    item.addEventListener("click", async () => {
      failure.hidden = true;
      clearTimeout(closing);
      try {
        await run(item);
        closing = setTimeout(leave, item.textContent === label ? 0 : SAID_MS);
      } catch (error) {
        failure.textContent = `This did not work: ${error instanceof Error ? error.message : error}`;
        failure.hidden = false;
      }
    });
    return item;
  });
  list.append(...buttons);
  button.addEventListener("click", () => {
    failure.hidden = true;
    if (!panel.hidden) buttons[0]?.focus();
  });
  panel.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !isBare(event)) return;
    take(event);
    const at = buttons.indexOf(focusedIn(panel) as HTMLButtonElement);
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  });
  return el;
}
