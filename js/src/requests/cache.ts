// Caches answers, so that going back to an earlier result takes no time.

import type { Answers, Ask } from "./ask";
import { sliceKey } from "./request";

/** The part of `Answers` that a view needs to ask. */
export type Asker = Pick<Answers, "ask" | "liveness" | "offline">;

/** How many answers `withLastAnswers` keeps. */
export const KEPT = 64;

/**
 * Asks every time, because an answer may change. While the kernel is silent, gives the last answer to the same request instead,
 * so that stepping away and back loses nothing.
 */
export function withLastAnswers(answers: Asker): Asker {
  const known = new Map<string, unknown>();
  const ask: Ask = (request, options = {}) => {
    const key = sliceKey(request, options.slice);
    const before = known.get(key);
    const over = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, over.signal]) : over.signal;
    const asked = new Promise((resolve, reject) => {
      if (before !== undefined && !signal.aborted) answers.liveness.on((silent) => silent && resolve(before), signal);
      answers.ask(request, { ...options, signal }).then((result) => {
        known.delete(key);
        known.set(key, result);
        if (known.size > KEPT) known.delete([...known.keys()][0] as string);
        resolve(result);
      }, reject);
    });
    // The first of the two counts; stop waiting for the other.
    return asked.finally(() => over.abort());
  };
  return { ask, liveness: answers.liveness, offline: answers.offline };
}

/** Asks for each answer once, and keeps it. */
export function cached(answers: Asker): Asker {
  const known = new Map<string, unknown>();
  const ask: Ask = async (request, options) => {
    const key = sliceKey(request, options?.slice);
    if (!known.has(key)) known.set(key, await answers.ask(request, options));
    return known.get(key);
  };
  return { ask, liveness: answers.liveness, offline: answers.offline };
}
