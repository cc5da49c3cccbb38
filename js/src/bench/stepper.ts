// The selected step, with buttons to the step before and the step after.

import type { Selection, Steps } from "../selection";
import { selectStep } from "../selection";
import { element, setHidden } from "../ui/dom";
import { isBare, take } from "../ui/keys";
import { ifChanged } from "../ui/unchanged";

/** Follows the selected trace; `trace` gives null if there is none. */
export function stepper(
  trace: () => Steps | null,
  selection: Selection,
  signal: AbortSignal,
): { el: HTMLElement; update(): void } {
  const count = () => trace()?.steps ?? 0;
  const go = (by: number) => {
    const [text, to] = [trace(), (selection.fields.step ?? 0) + by];
    if (text && to >= 0 && to < text.steps) selectStep(selection, text, to);
  };
  const back = element("button", { class: "tb-button", type: "button", "aria-label": "Previous step" }, "‹");
  const forward = element("button", { class: "tb-button", type: "button", "aria-label": "Next step" }, "›");
  const word = element("span", { class: "tb-step-word", "aria-live": "polite" });
  const el = element("span", { class: "tb-stepper" }, back, word, forward);
  back.addEventListener("click", () => go(-1), { signal });
  forward.addEventListener("click", () => go(1), { signal });
  el.addEventListener(
    "keydown",
    (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || !isBare(event)) return;
      take(event);
      go(by);
    },
    { signal },
  );
  const show = ifChanged((step: number | null, steps: number) => {
    setHidden(el, steps === 0);
    word.textContent = step === null ? "all steps (0 is shown)" : `step ${step} (0–${steps - 1})`;
    // Not `disabled`: a button that has the focus would lose it at the last step.
    back.setAttribute("aria-disabled", String((step ?? 0) <= 0));
    forward.setAttribute("aria-disabled", String((step ?? 0) >= steps - 1));
  });
  return { el, update: () => show(selection.fields.step, count()) };
}
