// A cache for the slices of an answer. It asks for each slice once, and drops the least recently used.

import type { AskOptions } from "../requests/ask";
import type { Asker } from "../requests/cache";
import { canonical } from "../requests/canonical";
import type { Request, Slice } from "../requests/request";

/** The size of the cache in numbers of four bytes: all the attention of a short text, or 122 maps of 512 tokens. */
const KEPT = 16e6;

/** `At` is the place of a slice, `Part` is the slice. */
export interface Source<At, Part> {
  /** Whether the page is a saved one, and whether the kernel answers. */
  answers: Pick<Asker, "offline" | "liveness">;
  /** The key of a place. */
  nameOf(at: At): string;
  /** The slice, if it is in the cache. */
  held(at: At): Part | undefined;
  /** The slice, from the cache or from the kernel. Rejects with the kernel's error, or when the signal aborts. */
  get(at: At, options?: AskOptions): Promise<Part>;
}

export interface SourceSpec<At, Part> {
  request: Request;
  answers: Asker;
  /** The coordinates of a place, and nothing else of it. */
  coords: (at: At) => Slice;
  /** Reads a decoded answer. */
  open: (tree: unknown) => Part;
  /** The number of numbers in a slice. */
  size: (part: Part) => number;
}

export function source<At, Part extends At>(spec: SourceSpec<At, Part>, most = KEPT): Source<At, Part> {
  const { request, answers, coords, open, size } = spec;
  // A Map keeps its keys in the order in which they were set: the least recently used is first.
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
    // Keep the newest, also if it is larger than the cache: it is on the page.
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
