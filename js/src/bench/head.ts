// What the views in sight were answered. The bench hears it and asks nothing; the head says what came of it and what proves it.
// Twin of tracebench/bench/head.py.

import type { Child } from "../afm";
import type { Check } from "../checks";
import type { Parts } from "../parts";
import type { Answers } from "../requests/ask";
import { askedIn } from "../requests/asked";
import type { Request } from "../requests/request";
import { requestKey } from "../requests/request";
import { requestAt, stepOf } from "../token_scores/asking";
import type { Scores, Target } from "../token_scores/result";

/** A view in sight: its name in the arrangement, and what it asks when that is chosen. */
export interface Seen {
  name: string;
  child: Child;
  beside: readonly Request[];
}

/** The checks of the answers of one view. */
export interface Proofs {
  view: string;
  checks: readonly Check[];
}

/** What came of another question than the bench's own. */
export interface Other {
  question: string;
  finding: Parts;
}

export interface Listening {
  inSight: () => readonly Seen[];
  answers: Answers;
  /** The step that is looked at. */
  step: () => number;
  onChange: () => void;
}

interface Asked {
  key: string;
  request: Request;
  /** Another question than the view's first one. */
  otherwise: boolean;
  /** What the view asks when that is chosen. */
  offered: boolean;
  /** Why this token rather than that one: a question of its own, also as the view's first one. */
  compares: boolean;
}

type Heard = Pick<Scores, "kind" | "steps" | "questions" | "findings" | "checks">;

/** `listen` is for when another step, other views or other questions are in sight; the rest says what was heard. */
export function answersInSight({ inSight, answers, step, onChange }: Listening, signal: AbortSignal) {
  const heard = new Map<string, Heard>();
  /** An error says who asked as little as an answer does: where two views ask the same, the answer may still stand in one. */
  const shared = (key: string) => {
    const asked = inSight().flatMap((seen) => askedAt(seen, step()));
    return asked.filter((each) => each.key === key).length > 1;
  };
  let hearing = new AbortController();
  const listen = () => {
    hearing.abort();
    hearing = new AbortController();
    const until = AbortSignal.any([signal, hearing.signal]);
    for (const { key, request } of inSight().flatMap((seen) => askedAt(seen, step()))) {
      const hear = (answer: unknown) => {
        const { kind, steps, questions, findings, checks } = answer as Scores;
        heard.set(key, { kind, steps, questions, findings, checks });
        onChange();
      };
      const forget = () => {
        if (!shared(key) && heard.delete(key)) onChange();
      };
      answers.hear(request, hear, until, forget);
    }
  };
  /** Key of an answer -> the view that it counts for: the first that asks it as its own question, else the first that offers it. */
  const counted = () => {
    const asked = inSight().flatMap((seen) => askedAt(seen, step()).map((each) => ({ ...each, view: seen.name })));
    const views = new Map<string, string>();
    for (const offered of [false, true]) {
      for (const each of asked) {
        if (each.offered === offered && heard.has(each.key) && !views.has(each.key)) views.set(each.key, each.view);
      }
    }
    return views;
  };
  return {
    listen,
    /** View by view, as far as something was answered at the step. Every answer counts once, however many views show it. */
    proofs: (): Proofs[] => {
      const views = [...counted()];
      return inSight().flatMap(({ name }) => {
        const answered = views.filter(([, view]) => view === name).flatMap(([key]) => heard.get(key) ?? []);
        return answered.length > 0 ? [{ view: name, checks: answered.flatMap(({ checks }) => checks ?? []) }] : [];
      });
    },
    /** Whether more than one view in sight asks it. */
    shared: (request: Request): boolean => shared(requestKey(request)),
    /** Whether the answer to a question is among those. */
    counts: (request: Request): boolean => counted().has(requestKey(request)),
    /** The first other question in sight whose answer is there: one that was asked here, else one that compares. */
    other: (): Other | null => {
      const asked = inSight().flatMap((seen) => askedAt(seen, step()));
      for (const { key } of [...asked.filter((each) => each.otherwise), ...asked.filter((each) => each.compares)]) {
        const answer = heard.get(key);
        // The findings of answers of other kinds are not about a question.
        const row = answer?.kind === "token_scores" ? answer.steps.indexOf(step()) : -1;
        if (answer && row >= 0) return { question: answer.questions[row] ?? "", finding: answer.findings[row] ?? [] };
      }
      return null;
    },
  };
}

/** What a view asks at a step, and what it may ask instead. */
function askedAt({ child, beside }: Seen, step: number): Asked[] {
  const { asked, request: first } = child;
  const other = first && askedIn(asked.get(), first);
  const own = other ?? first;
  return [...(own ? [own] : []), ...beside].map((each) => {
    const request = stepOf(each) === null ? each : requestAt(each, step);
    const compares = ((request.target as Target | null)?.against ?? null) !== null;
    return { key: requestKey(request), request, otherwise: each === other, offered: each !== own, compares };
  });
}
