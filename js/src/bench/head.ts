// What the head of the bench reads from the answers of the visible views: their checks, and the finding of a follow-up question.
// The head listens and asks nothing itself. Twin of tracebench/bench/head.py.

import type { Child } from "../afm";
import type { Check } from "../checks";
import type { Parts } from "../parts";
import type { Answers } from "../requests/ask";
import { followupOf } from "../requests/followup";
import type { Request } from "../requests/request";
import { requestKey } from "../requests/request";
import type { Target } from "../requests/target";
import { requestAt, stepOf } from "../requests/target";

export interface VisibleView {
  /** Its name in the arrangement. */
  name: string;
  child: Child;
  /** Requests that its menu offers in place of its own. */
  alternatives: readonly Request[];
}

/** The checks of the answers of one view. */
export interface ViewChecks {
  view: string;
  checks: readonly Check[];
}

/** A follow-up question, with its finding. */
export interface Followup {
  question: string;
  finding: Parts;
}

export interface Listening {
  visibleViews: () => readonly VisibleView[];
  answers: Answers;
  /** The selected step. */
  step: () => number;
  onChange: () => void;
}

interface PossibleRequest {
  key: string;
  request: Request;
  /** The reader asked it after the first request of the view. */
  isFollowup: boolean;
  /** The menu of the view offers it; the view asks something else now. */
  isAlternative: boolean;
  /** It asks why this token and not that one. */
  isContrast: boolean;
}

/** The part of an answer that the head reads. A result that explains steps has a question and a finding for each of them. */
interface Answer {
  checks?: readonly Check[];
  steps?: readonly number[];
  questions?: readonly string[];
  findings?: readonly Parts[];
}

/** Call `listen` again after the step, the visible views or their requests have changed. The other functions read what came. */
export function hearAnswers({ visibleViews, answers, step, onChange }: Listening, signal: AbortSignal) {
  /** Key of a request -> its answer. */
  const heard = new Map<string, Answer>();
  const possible = () =>
    visibleViews().flatMap((visible) => requestsAt(visible, step()).map((each) => ({ ...each, view: visible.name })));
  /** Several views have this request. An error does not say whose request failed: another view may still show the answer. */
  const isShared = (key: string) => possible().filter((each) => each.key === key).length > 1;
  let hearing = new AbortController();
  const listen = () => {
    hearing.abort();
    hearing = new AbortController();
    const until = AbortSignal.any([signal, hearing.signal]);
    for (const { key, request } of possible()) {
      const hear = (answer: unknown) => {
        const { checks, steps, questions, findings } = answer as Answer;
        heard.set(key, { checks, steps, questions, findings } as Answer);
        onChange();
      };
      const forget = () => {
        if (!isShared(key) && heard.delete(key)) onChange();
      };
      answers.hear(request, hear, until, forget);
    }
  };
  /** Key of an answer -> the one view that it counts for: the first that asks for it, else the first that offers it. */
  const counted = () => {
    const all = possible();
    const views = new Map<string, string>();
    for (const isAlternative of [false, true]) {
      for (const each of all) {
        if (each.isAlternative === isAlternative && heard.has(each.key) && !views.has(each.key)) views.set(each.key, each.view);
      }
    }
    return views;
  };
  return {
    listen,
    /** The checks of each view that has an answer at the step. An answer that several views show counts once. */
    checks: (): ViewChecks[] => {
      const views = [...counted()];
      return visibleViews().flatMap(({ name }) => {
        const answered = views.filter(([, view]) => view === name).flatMap(([key]) => heard.get(key) ?? []);
        return answered.length > 0 ? [{ view: name, checks: answered.flatMap(({ checks }) => checks ?? []) }] : [];
      });
    },
    isShared: (request: Request): boolean => isShared(requestKey(request)),
    isCounted: (request: Request): boolean => counted().has(requestKey(request)),
    /** The first answered follow-up question, else the first answered contrast; null where there is neither. */
    followup: (): Followup | null => {
      const all = possible();
      for (const { key } of [...all.filter((each) => each.isFollowup), ...all.filter((each) => each.isContrast)]) {
        const { steps, questions, findings } = heard.get(key) ?? {};
        const row = questions && steps ? steps.indexOf(step()) : -1;
        if (row >= 0) return { question: questions?.[row] ?? "", finding: findings?.[row] ?? [] };
      }
      return null;
    },
  };
}

/** What a view asks at a step, and what its menu offers. */
function requestsAt({ child, alternatives }: VisibleView, step: number): PossibleRequest[] {
  const { asked, request: first } = child;
  const followup = first && followupOf(asked.get(), first);
  const own = followup ?? first;
  return [...(own ? [own] : []), ...alternatives].map((each) => {
    const request = stepOf(each) === null ? each : requestAt(each, step);
    const isContrast = ((request.target as Target | null)?.against ?? null) !== null;
    return { key: requestKey(request), request, isFollowup: each === followup, isAlternative: each !== own, isContrast };
  });
}
