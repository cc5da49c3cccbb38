// Answers that are kept: who goes back to what was shown before does not wait for it again.

import type { Answers, Ask } from "./ask";
import { sliceKey } from "./request";

/** What asking needs of `Answers`. */
export type Asked = Pick<Answers, "ask" | "liveness" | "offline">;

/** How many answers `standingIn` keeps. */
export const KEPT = 64;

/**
 * Asks every time, because an answer may be another one by now; while nobody answers, what was answered before stands in, so that
 * who steps away and back loses nothing.
 */
export function standingIn(answers: Asked): Asked {
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
    // Whatever it was that came first, the other is not waited for.
    return asked.finally(() => over.abort());
  };
  return { ask, liveness: answers.liveness, offline: answers.offline };
}

export function remembering(answers: Asked): Asked {
  const known = new Map<string, unknown>();
  const ask: Ask = async (request, options) => {
    const key = sliceKey(request, options?.slice);
    if (!known.has(key)) known.set(key, await answers.ask(request, options));
    return known.get(key);
  };
  return { ask, liveness: answers.liveness, offline: answers.offline };
}
