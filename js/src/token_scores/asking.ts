// Which answer is wanted: a view whose target has a step asks for the step that is selected.

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
  /** The step that is looked at. */
  step: () => number;
  /** Why the request has no answer where nobody can compute one. */
  whyNot: (request: Request) => Absence | null;
  /** Ask the first question again. */
  onFirst: () => void;
  /** What is shown is about another step from now on, and is about to be replaced. */
  onLeave: (step: number) => void;
}

/**
 * Asks, and asks again when another step is selected, where the target has a step. What was asked before is given up.
 * What it returns asks another question instead.
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
      // Of another question nobody knows at which steps it was answered.
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
    // A saved page answers at once.
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

/** Where the step that was first asked about is another one, its answer is likely to be there. */
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
