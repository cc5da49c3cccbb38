// Reads the checks and the sentences of the step from the answers of the views, for the head of the bench.
// The head listens only; it sends no request. Twin of tracebench/bench/head.py.

import type { Child } from "../afm";
import type { Check } from "../checks";
import type { Parts, Sentences } from "../parts";
import type { Answers } from "../requests/ask";
import { followupTo } from "../requests/followup";
import type { Request } from "../requests/request";
import { requestKey } from "../requests/request";
import { requestAt, stepOf } from "../requests/target";
import type { Trace } from "../trace";

export interface Named {
  /** Its name in the arrangement. */
  name: string;
  child: Child;
}

/** The checks of the answers of one view. */
export interface ViewChecks {
  view: string;
  checks: readonly Check[];
}

/** The question and the sentence of a step. */
export interface Lead {
  question: Parts;
  sentence: Parts;
}

export interface Listening {
  /** The views in sight, first to last. */
  visible: () => readonly Named[];
  /** The views whose sentence continues that of the record, also hidden ones. */
  continuing: () => readonly Named[];
  answers: Answers;
  /** The index of the selected trace, and the selected step. */
  trace: () => number;
  step: () => number;
  onChange: () => void;
}

interface PossibleRequest {
  view: string;
  key: string;
  request: Request;
  /** The request of a visible view, one that it offers instead, or the request of a hidden view. */
  place: "own" | "offered" | "hidden";
  /** The reader asked it after the first request of the view. */
  isFollowup: boolean;
}

/** The part of an answer that the head reads. */
interface Answer {
  traces?: readonly string[];
  checks?: readonly Check[];
  says?: "continues" | "compares" | "adds";
  sentences?: Sentences;
}

/** Call `listen` again when the trace, the step, the visible views or their requests change. The others read the answers so far. */
export function hearAnswers({ visible, continuing, answers, trace, step, onChange }: Listening, signal: AbortSignal) {
  /** Key of a request -> its answer. */
  const heard = new Map<string, Answer>();
  const inSight = () => visible().flatMap((view) => requestsAt(view, trace(), step()));
  const possible = () => {
    const seen = visible().map(({ name }) => name);
    const hidden = continuing().filter(({ name }) => !seen.includes(name));
    const own = hidden.flatMap((view) => requestsAt(view, trace(), step()).filter(({ place }) => place === "own"));
    return [...inSight(), ...own.map((each): PossibleRequest => ({ ...each, place: "hidden" }))];
  };
  /** Whether several visible views have this request. An error may belong to one of them while another still shows the answer. */
  const isShared = (key: string) => inSight().filter((each) => each.key === key).length > 1;
  let hearing = new AbortController();
  const listen = () => {
    hearing.abort();
    hearing = new AbortController();
    const until = AbortSignal.any([signal, hearing.signal]);
    for (const [key, request] of new Map(possible().map((each) => [each.key, each.request]))) {
      const hear = (answer: unknown) => {
        const { traces, checks, says, sentences } = answer as Answer;
        heard.set(key, { traces, checks, says, sentences } as Answer);
        onChange();
      };
      const forget = () => {
        if (!isShared(key) && heard.delete(key)) onChange();
      };
      answers.hear(request, hear, until, forget);
    }
  };
  /** Key of an answer -> the view that it counts for: the first that asks it, else the first that offers it, else a hidden one. */
  const counted = () => {
    const all = possible();
    const views = new Map<string, string>();
    for (const place of ["own", "offered", "hidden"]) {
      for (const each of all) {
        if (each.place === place && heard.has(each.key) && !views.has(each.key)) views.set(each.key, each.view);
      }
    }
    return views;
  };
  /** The sentence of an answer about the selected step. An answer about several traces has sentences about the first one. */
  const sentenceOf = ({ traces, sentences }: Answer, { hash }: Trace) => {
    const row = traces?.[0] === hash ? (sentences?.steps.indexOf(step()) ?? -1) : -1;
    return row < 0 ? null : { parts: sentences?.parts[row] ?? [], question: sentences?.questions[row] ?? null };
  };
  return {
    listen,
    /** The checks of each view that has an answer at the step. An answer that several views show counts once. */
    checks: (): ViewChecks[] => {
      const views = [...counted()];
      const names = new Set(possible().map(({ view }) => view));
      return [...names].flatMap((name) => {
        const answered = views.filter(([, view]) => view === name).flatMap(([key]) => heard.get(key) ?? []);
        return answered.length > 0 ? [{ view: name, checks: answered.flatMap(({ checks }) => checks ?? []) }] : [];
      });
    },
    /** The first answered follow-up question leads, else the first comparison, else the record with what continues it. */
    lead: (record: Trace): Lead => {
      const question = record.questions[step()] ?? [];
      const all = inSight();
      const leading = [
        ...all.filter((each) => each.isFollowup && heard.get(each.key)?.says !== "continues"),
        ...all.filter((each) => heard.get(each.key)?.says === "compares"),
      ];
      for (const { key } of leading) {
        const found = sentenceOf(heard.get(key) ?? {}, record);
        if (found) return { question: found.question === null ? question : [found.question], sentence: found.parts };
      }
      const continued = continuing().flatMap((view) =>
        requestsAt(view, trace(), step())
          .filter(({ place, key }) => place === "own" && heard.get(key)?.says === "continues")
          .flatMap(({ key }) => sentenceOf(heard.get(key) ?? {}, record)?.parts ?? []),
      );
      return { question, sentence: [...(record.said[step()] ?? []), ...continued] };
    },
  };
}

/** The request of a view for a trace and a step, and the requests that it offers instead. */
function requestsAt({ name, child }: Named, trace: number, step: number): PossibleRequest[] {
  const first = child.requests()[trace] ?? null;
  const followup = first && followupTo(first, child.asked).get();
  const own = followup ?? first;
  const offered = (child.alternatives()[trace] ?? []).map(({ request }) => request);
  return [...(own ? [own] : []), ...offered].map((each) => {
    const request = stepOf(each) === null ? each : requestAt(each, step);
    const place = each === own ? "own" : "offered";
    return { view: name, key: requestKey(request), request, place, isFollowup: each === followup };
  });
}
