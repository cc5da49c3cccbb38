// The selected step, with buttons to the step before and the step after.

import type { Selection, Steps } from "../selection";
import { selectStep } from "../selection";
import { element } from "../ui/dom";
import { isBare, take } from "../ui/keys";
import { ifChanged } from "../ui/unchanged";

export function stepper(trace: Steps, selection: Selection, signal: AbortSignal): { el: HTMLElement; update(): void } {
  const go = (by: number) => {
    const to = (selection.fields.step ?? 0) + by;
    if (to >= 0 && to < trace.steps) selectStep(selection, trace, to);
  };
  const back = element("button", { class: "tb-button", type: "button", "aria-label": "Previous step" }, "‹");
  const forward = element("button", { class: "tb-button", type: "button", "aria-label": "Next step" }, "›");
  const word = element("span", { class: "tb-step-word", "aria-live": "polite" });
  const el = element("span", { class: "tb-stepper", hidden: trace.steps === 0 }, back, word, forward);
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
  const show = ifChanged((step: number | null) => {
    word.textContent = step === null ? "all steps (0 is shown)" : `step ${step} (0–${trace.steps - 1})`;
    // Not `disabled`: at the last step the button would lose the focus.
    back.setAttribute("aria-disabled", String((step ?? 0) <= 0));
    forward.setAttribute("aria-disabled", String((step ?? 0) >= trace.steps - 1));
  });
  return { el, update: () => show(selection.fields.step) };
}
