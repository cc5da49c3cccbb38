// The tools of a view: move it earlier or later, enlarge it, hide it.

import { element, setAttributes, svg } from "../ui/dom";
import { isBare, take } from "../ui/keys";

export interface Tools {
  el: HTMLElement;
  update(now: { first: boolean; last: boolean; enlarged: boolean }): void;
  focus(): void;
  /** Scrolls the tools into view after the page has moved, so that the reader still sees the pressed tool. */
  keepInSight(): void;
}

type Tool = "earlier" | "later" | "enlarge" | "hide";

/** Four small buttons. They are one stop for the Tab key, after the view itself; arrow keys move between them. */
export function placeTools(name: string, act: Record<Tool, () => void>): Tools {
  const make = (tool: Tool, drawing: string) => {
    const icon = svg("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" });
    icon.append(svg("path", { d: drawing }));
    const button = element("button", { class: "tb-tool", type: "button", "data-tool": tool, tabindex: -1 });
    button.append(icon);
    button.addEventListener("click", () => {
      // At the ends it does nothing. It is not `disabled`, because then it would lose the focus.
      if (button.getAttribute("aria-disabled") !== "true") act[tool]();
    });
    return button;
  };
  const buttons = {
    earlier: make("earlier", "M8 13V3.5M4 7l4-4 4 4"),
    later: make("later", "M8 3v9.5M4 9l4 4 4-4"),
    enlarge: make("enlarge", "M9.5 3H13v3.5M13 3 9 7M6.5 13H3V9.5M3 13l4-4"),
    hide: make("hide", "M4 4l8 8M12 4l-8 8"),
  };
  const all = Object.values(buttons);
  const el = element(
    "div",
    { class: "tb-tools", role: "toolbar", "aria-label": `Arrange ${name}`, "data-capture": "no" },
    ...all,
  );
  const stop = (at: HTMLElement) => {
    for (const each of all) each.tabIndex = each === at ? 0 : -1;
  };
  stop(buttons.earlier);
  el.addEventListener("focusin", ({ target }) => stop(target as HTMLElement));
  el.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by || !isBare(event)) return;
    take(event);
    const at = all.indexOf(event.target as HTMLButtonElement);
    all[(at + by + all.length) % all.length]?.focus();
  });
  const label = (tool: Tool, words: string) => setAttributes(buttons[tool], { "aria-label": words, title: words });
  label("earlier", `Move ${name} earlier`);
  label("later", `Move ${name} later`);
  label("hide", `Hide ${name}`);
  return {
    el,
    update: ({ first, last, enlarged }) => {
      buttons.earlier.setAttribute("aria-disabled", String(first || enlarged));
      buttons.later.setAttribute("aria-disabled", String(last || enlarged));
      buttons.enlarge.setAttribute("aria-pressed", String(enlarged));
      label("enlarge", enlarged ? `Restore ${name} (Escape)` : `Enlarge ${name}`);
    },
    focus: () => buttons.enlarge.focus({ preventScroll: true }),
    keepInSight: () => el.scrollIntoView({ block: "nearest" }),
  };
}
