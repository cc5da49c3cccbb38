// Another question than the bench's own, once a view was asked one and has its answer: the head then says what came of it.

import type { Child } from "../afm";
import type { Answers } from "../ask";
import { askedIn } from "../asked";
import type { Check } from "../checks";
import type { Parts } from "../parts";
import type { Request } from "../request";
import { requestKey } from "../request";
import type { Scores } from "../scores";
import { requestAt, stepOf } from "../scores/asking";
import type { Selection } from "../selection";

export interface Other {
  question: string;
  finding: Parts;
  checks: readonly Check[];
}

type Heard = Pick<Scores, "steps" | "questions" | "findings" | "checks">;

export interface Listening {
  /** The views that are in sight: a hidden one asks nothing. */
  inSight: () => readonly Child[];
  answers: Answers;
  selection: Selection;
  onChange: () => void;
}

/** The head only listens: the views ask. `at` is the question of a step; `listen` is for when the views in sight change. */
export function otherQuestion({ inSight, answers, selection, onChange }: Listening, signal: AbortSignal) {
  const heard = new Map<string, Heard>();
  let hearing = new AbortController();
  const requestsAt = (step: number): Request[] =>
    inSight().flatMap(({ asked, request }) => {
      const other = request && askedIn(asked.get(), request);
      return other ? [stepOf(other) === null ? other : requestAt(other, step)] : [];
    });
  const now = () => selection.fields.step ?? 0;
  const listen = () => {
    hearing.abort();
    hearing = new AbortController();
    for (const request of requestsAt(now())) {
      const hear = (answer: unknown) => {
        const { kind, steps, questions, findings, checks } = answer as Scores;
        // The findings of answers of other kinds are not about a question.
        if (kind !== "token_scores") return;
        heard.set(requestKey(request), { steps, questions, findings, checks });
        onChange();
      };
      answers.hear(request, hear, AbortSignal.any([signal, hearing.signal]));
    }
  };
  return {
    listen,
    at: (step: number): Other | null => {
      for (const request of requestsAt(step)) {
        const answer = heard.get(requestKey(request));
        const row = answer?.steps.indexOf(step) ?? -1;
        if (answer && row >= 0) {
          return { question: answer.questions[row] ?? "", finding: answer.findings[row] ?? [], checks: answer.checks };
        }
      }
      return null;
    },
  };
}
