// The head of a view of weights: the scale, the checks, and the menu.

import type { Check } from "../checks";
import { checksWord } from "../checks";
import type { Takeaways } from "../picture/menu";
import { viewMenu } from "../picture/menu";
import { element } from "../ui/dom";
import type { Scale } from "./scale";

export interface Places {
  /** The root of the view. */
  el: HTMLElement;
  /** The place in the head after the heading. */
  head: HTMLElement;
  body: HTMLElement;
}

/** Fills the head until the signal aborts. */
export function fillHead(
  { el, head }: Places,
  tints: Scale,
  checks: readonly Check[],
  take: Takeaways,
  signal: AbortSignal,
): void {
  head.replaceChildren(
    // The button comes first, so that it stays under the pointer when the legend changes its width.
    tints.button,
    tints.legend,
    element("span", { class: "tb-push tb-head-end" }, checksWord(checks, signal), viewMenu(el, take, signal)),
  );
  signal.addEventListener("abort", () => head.replaceChildren());
}
