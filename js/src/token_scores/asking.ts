// Asks for the scores of the selected step, if the target has a step.

import type { Request } from "../requests/request";
import type { Absence, Asking } from "../requests/states";
import { askAndShow } from "../requests/states";
import { requestAt, stepOf } from "../requests/target";
import type { Selection, Steps } from "../selection";
import { selectStep } from "../selection";
import { element } from "../ui/dom";
import { SETTLE_MS } from "../ui/settle";

export interface Following extends Asking {
  selection: Selection;
  text: Steps;
  /** The selected step. */
  step: () => number;
  /** Explains why the request has no answer in a page that cannot compute one. */
  whyNot: (request: Request) => Absence | null;
  /** Asks the first request again. */
  onFirst: () => void;
  /** Called when the shown result becomes out of date, before another one replaces it. */
  onLeave: (step: number) => void;
}

/**
 * Asks, and asks again at each newly selected step if the target has a step; this cancels the request before.
 * The returned function asks another request instead.
 */
export function askAtSteps(following: Following): (request: Request) => void {
  const { signal, answers, selection, step } = following;
  let { request } = following;
  let asked = step();
  let current = new AbortController();
  let settling: ReturnType<typeof setTimeout> | undefined;
  const ask = () => {
    const now = stepOf(request) === null ? request : requestAt(request, asked);
    askAndShow({
      ...following,
      request: now,
      why: () => following.whyNot(now),
      // For a follow-up request the page does not say which steps have answers.
      instead: () => (request === following.request ? back(following, asked) : firstAgain(following)),
      signal: AbortSignal.any([signal, current.signal]),
    });
  };
  const leave = () => {
    current.abort();
    current = new AbortController();
    following.onLeave(asked);
    clearTimeout(settling);
  };
  ask();
  selection.on(() => {
    const now = step();
    if (now === asked) return;
    asked = now;
    if (stepOf(request) === null) return;
    leave();
    // A saved page is fast, so do not wait.
    if (answers.offline) ask();
    else settling = setTimeout(ask, SETTLE_MS);
  }, signal);
  signal.addEventListener("abort", () => clearTimeout(settling));
  return (next) => {
    request = next;
    leave();
    ask();
  };
}

/** A button to the step of the first request: a saved page most likely has its answer. */
function back({ request, selection, text }: Following, asked: number): HTMLElement | null {
  const first = stepOf(request);
  if (first === null || first === asked) return null;
  const button = element("button", { class: "tb-button", type: "button" }, `Go to step ${first}`);
  button.addEventListener("click", () => selectStep(selection, text, first));
  return button;
}

function firstAgain({ onFirst }: Following): HTMLElement {
  const button = element("button", { class: "tb-button", type: "button" }, "Ask the first question again");
  button.addEventListener("click", onFirst);
  return button;
}
