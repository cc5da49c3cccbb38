// The head of the view: the choice of the scale, the word of the checks, and what can be taken away.

import type { Check } from "../checks";
import { checksWord } from "../checks";
import type { Takeaways } from "../picture/menu";
import { viewMenu } from "../picture/menu";
import { element } from "../ui/dom";
import type { Scale } from "./scale";

export interface Places {
  /** The view's root. */
  el: HTMLElement;
  /** In the head, after the heading. */
  head: HTMLElement;
  body: HTMLElement;
}

/** Fills the head for as long as the signal lives. */
export function fillHead(
  { el, head }: Places,
  tints: Scale,
  checks: readonly Check[],
  take: Takeaways,
  signal: AbortSignal,
): void {
  head.replaceChildren(
    // First what does not change its size, so that it stays under the pointer.
    tints.button,
    tints.legend,
    element("span", { class: "tb-push tb-head-end" }, checksWord(checks, signal), viewMenu(el, take, signal)),
  );
  signal.addEventListener("abort", () => head.replaceChildren());
}
