// A long prompt is folded to its beginning and its end, so that what was generated is seen without scrolling.

import { element } from "../ui/dom";

/** Blocks of more tokens than this are folded. */
const LONG = 100;
/** What stays of one, at each end. */
const KEPT = 30;

export interface Fold {
  /** The folded tokens: [start, stop). */
  start: number;
  stop: number;
  /** Stands where they are left out, and says how many. */
  sign: HTMLElement;
  /** Where they stand. */
  inside: HTMLElement;
  open(): void;
}

/** The fold of a block; null for one that is short. */
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
