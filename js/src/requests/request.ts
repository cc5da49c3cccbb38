// A request as data, and the key that equal requests share. Twin of tracebench/requests/request.py.

import { canonical } from "./canonical";

export interface Request {
  analysis: string;
  params: Record<string, unknown>;
  /** The hashes of its traces; empty if it is about no trace. */
  traces: string[];
  target: unknown;
  code: string;
}

/** Another request that a view offers, with its label in a menu. */
export interface Alternative {
  label: string;
  request: Request;
}

/** A part of an answer: a coordinate for each axis, null for the mean over an axis. */
export type Slice = Readonly<Record<string, number | null>>;

/** The key of a request: all of it except its code. */
export function requestKey(request: Request): string {
  const known = keys.get(request);
  if (known !== undefined) return known;
  const { analysis, params, target, traces } = request;
  const key = canonical({ analysis, params, target, traces });
  keys.set(request, key);
  return key;
}

/** A cache of keys: all views and the head need them at every step, and a request does not change. */
const keys = new WeakMap<Request, string>();

/** The key of a slice of an answer: the key of the request, then the coordinates. */
export function sliceKey(request: Request, slice: Slice | undefined): string {
  return requestKey(request) + (slice ? canonical(slice) : "");
}
