// Hands out slices: each is asked for once and kept, and those that were not looked at for longest are let go.

import type { Answers, AskOptions } from "../ask";
import type { Attention, HeadSlice, Whose } from "../attention";
import { sliceOf } from "../attention";
import type { Request } from "../request";

/** Weights that are kept at the most, four bytes each: all of a short text's, 122 slices of 512 tokens. */
const KEPT = 16e6;

export interface Source {
  attention: Attention;
  /** The slice, if it is here. */
  held(whose: Whose): HeadSlice | undefined;
  /** The slice, asked for where it is not here. Rejects with what the answerer says, or when the signal aborts. */
  get(whose: Whose, options?: AskOptions): Promise<HeadSlice>;
}

export function source(attention: Attention, request: Request, answers: Pick<Answers, "ask">, most = KEPT): Source {
  // A Map keeps the order in which its keys were set.
  const kept = new Map<string, HeadSlice>();
  const nameOf = ({ layer, head }: Whose) => `${layer}/${head}`;
  const keep = (slice: HeadSlice) => {
    const name = nameOf(slice);
    kept.delete(name);
    kept.set(name, slice);
    const [oldest] = kept.keys();
    if (kept.size > Math.max(1, most / slice.weights.length) && oldest !== undefined) kept.delete(oldest);
    return slice;
  };
  const held = (whose: Whose) => {
    const here = kept.get(nameOf(whose));
    return here && keep(here);
  };
  return {
    attention,
    held,
    get: async (whose, options = {}) => {
      const { layer, head } = whose;
      const here = held(whose);
      return here ?? keep(sliceOf(await answers.ask(request, { ...options, slice: { layer, head } }), attention.length));
    },
  };
}
