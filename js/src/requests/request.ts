// A question as data, and the text that says whether two are the same. Twin of tracebench/requests/request.py.

import { canonical } from "./canonical";

export interface Request {
  analysis: string;
  params: Record<string, unknown>;
  trace: string;
  target: unknown;
  code: string;
}

/** A part of an answer, by coordinates of its axes; null is the mean over an axis. */
export type Slice = Readonly<Record<string, number | null>>;

/** The key of a request: everything but its code. */
export function requestKey(request: Request): string {
  const known = keys.get(request);
  if (known !== undefined) return known;
  const { analysis, params, target, trace } = request;
  const key = canonical({ analysis, params, target, trace });
  keys.set(request, key);
  return key;
}

/** Worked out once: every view and the head ask for it at every step. A request is data and does not change. */
const keys = new WeakMap<Request, string>();

/** The key of a slice of an answer: that of the request, and the slice's coordinates. */
export function sliceKey(request: Request, slice: Slice | undefined): string {
  return requestKey(request) + (slice ? canonical(slice) : "");
}
