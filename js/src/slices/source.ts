// Hands out slices of an answer: each is asked for once and kept, and those that were not looked at for longest are let go.

import type { AskOptions } from "../requests/ask";
import type { Asker } from "../requests/cache";
import { canonical } from "../requests/canonical";
import type { Request, Slice } from "../requests/request";

/** Numbers that are kept at the most, four bytes each: all of a short text's attention, 122 maps of 512 tokens. */
const KEPT = 16e6;

/** `At` is where a slice is, `Part` is the slice. */
export interface Source<At, Part> {
  /** Who answers: a kernel, or a saved page, and whether anybody does. */
  answers: Pick<Asker, "offline" | "liveness">;
  /** What tells slices apart: two places with one name are the same. */
  nameOf(at: At): string;
  /** The slice, if it is here. */
  held(at: At): Part | undefined;
  /** The slice, asked for where it is not here. Rejects with what the answerer says, or when the signal aborts. */
  get(at: At, options?: AskOptions): Promise<Part>;
}

export interface SourceSpec<At, Part> {
  request: Request;
  answers: Asker;
  /** The coordinates alone. */
  coords: (at: At) => Slice;
  /** Reads an answer, which is decoded. */
  open: (tree: unknown) => Part;
  /** How many numbers a slice has. */
  size: (part: Part) => number;
}

export function source<At, Part extends At>(spec: SourceSpec<At, Part>, most = KEPT): Source<At, Part> {
  const { request, answers, coords, open, size } = spec;
  // A Map keeps the order in which its keys were set.
  const kept = new Map<string, Part>();
  let total = 0;
  const nameOf = (at: At) => canonical(coords(at));
  const drop = (name: string) => {
    const part = kept.get(name);
    if (part !== undefined && kept.delete(name)) total -= size(part);
  };
  const keep = (part: Part) => {
    drop(nameOf(part));
    kept.set(nameOf(part), part);
    total += size(part);
    // However large it is: what is shown is kept.
    for (const name of [...kept.keys()].slice(0, -1)) if (total > most) drop(name);
    return part;
  };
  const held = (at: At) => {
    const here = kept.get(nameOf(at));
    return here && keep(here);
  };
  return {
    answers,
    nameOf,
    held,
    get: async (at, options = {}) => held(at) ?? keep(open(await answers.ask(request, { ...options, slice: coords(at) }))),
  };
}
