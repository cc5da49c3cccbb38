// Folds a long prompt to its beginning and end, so that the generated text is visible without scrolling.

import { element } from "../ui/dom";

/** A block with more tokens is folded. */
const LONG = 100;
/** The number of tokens that stay at each end. */
const KEPT = 30;

export interface Fold {
  /** The folded tokens: [start, stop). */
  start: number;
  stop: number;
  /** The button in their place, which says how many tokens are folded. */
  sign: HTMLElement;
  /** The element that holds the folded tokens. */
  inside: HTMLElement;
  open(): void;
}

/** The fold of a block; null for a short block. */
export function fold(first: number, end: number, onChange: () => void): Fold | null {
  if (end - first <= LONG) return null;
  const [start, stop] = [first + KEPT, end - KEPT];
  const note = element("span", { class: "tb-note" }, `… ${stop - start} more prompt tokens …`);
  const button = element("button", { class: "tb-button", type: "button" });
  const inside = element("span", { class: "tb-folded" });
  const become = (folded: boolean) => {
    inside.hidden = folded;
    note.hidden = !folded;
    button.textContent = folded ? "Show" : "Fold";
    button.setAttribute("aria-expanded", String(!folded));
    button.setAttribute("aria-label", `${folded ? "Show" : "Fold"} ${stop - start} prompt tokens`);
  };
  become(true);
  button.addEventListener("click", () => {
    become(!inside.hidden);
    onChange();
  });
  const open = () => {
    if (!inside.hidden) return;
    become(false);
    onChange();
  };
  return { start, stop, sign: element("span", { class: "tb-fold" }, note, button), inside, open };
}
