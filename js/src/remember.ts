// Answers that are kept: who goes back to what was shown before does not wait for it again.

import type { Answers, Ask } from "./ask";
import { sliceKey } from "./canonical";

/** What asking needs of `Answers`. */
export type Asked = Pick<Answers, "ask" | "liveness" | "offline">;

export function remembering(answers: Asked): Asked {
  const known = new Map<string, unknown>();
  const ask: Ask = async (request, options) => {
    const key = sliceKey(request, options?.slice);
    if (!known.has(key)) known.set(key, await answers.ask(request, options));
    return known.get(key);
  };
  return { ask, liveness: answers.liveness, offline: answers.offline };
}
