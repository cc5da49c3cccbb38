// Which answer is wanted: a view whose target has a step asks for the step that is selected.

import type { Request } from "../requests/request";
import type { Absence, Asking } from "../requests/states";
import { askAndShow } from "../requests/states";
import type { Selection, Steps } from "../selection";
import { selectStep } from "../selection";
import { element } from "../ui/dom";
import { SETTLE_MS } from "../ui/settle";
import type { Target } from "./result";

/** The step that a request asks about; null where it asks about every step, or does not say. */
export function stepOf({ target }: Pick<Request, "target">): number | null {
  return (target as Target | null)?.step ?? null;
}

/** The same question at another step. Its key is made of the target, and its code says the same. */
export function requestAt(request: Request, step: number): Request {
  const target = { ...(request.target as Target), step };
  return { ...request, target, code: codeAt(request.code, target) };
}

/** Python whose target is this one: an analysis's code either has a target, with the step first, or ends in the trace. */
function codeAt(code: string, target: Target): string {
  const named = /\btb\.Target\(step=(?:\d+|None)/;
  if (named.test(code)) return code.replace(named, () => `tb.Target(step=${target.step}`);
  return code.replace(/\(lm, trace\)(\s*)$/, (_, end) => `(lm, trace, tb.${python(target)})${end}`);
}

/** A target as Python, without what goes without saying. JSON's escapes are Python's. */
export function python({ step, token, against, of }: Target): string {
  const named = Object.entries({ token, against, of: of === "logit" ? null : of }).filter(([, value]) => value !== null);
  return `Target(step=${step ?? "None"}${named.map(([name, value]) => `, ${name}=${JSON.stringify(value)}`).join("")})`;
}

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
