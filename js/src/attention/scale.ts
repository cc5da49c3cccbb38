// The choice of the scale: with position 0, or without it.

import { element } from "../dom";
import type { Legend } from "./legend";
import { legend } from "./legend";
import type { Tint } from "./tint";
import { WHOLE, withoutFirst } from "./tint";

export interface Scale {
  legend: HTMLElement;
  button: HTMLElement;
  /** The tint of a row, by what is chosen; the legend says it. */
  of(row: Float32Array, query: number, dark: boolean): Tint;
}

/** `taste` is what the reader has chosen, which outlasts what is shown. */
export interface Taste {
  without: boolean;
}

export function scale(
  { what, except }: { what: string; except?: string },
  taste: Taste,
  onChange: () => void,
  signal: AbortSignal,
): Scale {
  const { el, update }: Legend = legend(what, except);
  const button = element("button", { class: "tb-button", type: "button" }, "leave out position 0");
  button.title =
    "Attention often rests on the first token. Without it the tint reaches from 0 to the largest of the rest; no number changes.";
  const say = () => button.setAttribute("aria-pressed", String(taste.without));
  button.addEventListener(
    "click",
    () => {
      taste.without = !taste.without;
      say();
      onChange();
    },
    { signal },
  );
  say();
  return {
    legend: el,
    button,
    of: (row, query, dark) => {
      const tint = taste.without ? withoutFirst(row, query) : WHOLE;
      update(tint, dark);
      return tint;
    },
  };
}
