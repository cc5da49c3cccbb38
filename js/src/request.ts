// A question as data, and the text that says whether two are the same. Twin of tracebench/request.py.

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
export function requestKey({ analysis, params, target, trace }: Request): string {
  return canonical({ analysis, params, target, trace });
}

/** The key of a slice of an answer: that of the request, and the slice's coordinates. */
export function sliceKey(request: Request, slice: Slice | undefined): string {
  return requestKey(request) + (slice ? canonical(slice) : "");
}
