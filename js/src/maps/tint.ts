// The scale of the tint: all of it, or without position 0, which often has so much that nothing else can be seen.

import { amount } from "./paint";

export interface Tint {
  /** The weight that is darkest; larger ones are as dark. */
  top: number;
  /** The first key that takes part. */
  from: number;
  /** Nothing that takes part has any weight. */
  empty?: boolean;
}

/** The shortest scale that a row of a rollout has. */
export const LEAST_TOP = 0.01;

export const WHOLE: Tint = { top: 1, from: 0 };

/** The scale of the others: up to the largest of the row that is read. No weight changes, only what is darkest. */
export function withoutFirst(row: Float32Array, query: number): Tint {
  const top = largest(row.subarray(1, query + 1));
  return top > 0 ? { top, from: 1 } : { top: 1, from: 1, empty: true };
}

/**
 * The same for what is in a position: without the token itself, which has half of the first layers and next to nothing of
 * the last. There everything is position 0, and what is left of the others stays pale: a byte could not tell it apart.
 */
export function withoutFirstAndOwn(row: Float32Array, query: number): Tint {
  return { top: Math.max(LEAST_TOP, largest(row.subarray(1, Math.max(1, query)))), from: 1 };
}

function largest(row: Float32Array): number {
  return row.reduce((a, b) => Math.max(a, b), 0);
}

/** How dark a weight is, from 0 to 1. */
export function darkness({ top, from }: Tint, weight: number, key: number): number {
  return key < from ? 0 : Math.min(1, amount(weight / top));
}

/** Keys with the largest weights, largest first: so many at the most, each with a part of what is darkest. */
export function strongest(row: Float32Array, query: number, { top, from }: Tint, most = 8, least = 0.02): number[] {
  const keys = Array.from({ length: Math.max(0, query + 1 - from) }, (_, i) => i + from);
  const weight = (key: number) => row[key] ?? 0;
  return keys
    .filter((key) => weight(key) >= least * top)
    .sort((a, b) => weight(b) - weight(a) || a - b)
    .slice(0, most);
}

/** The key with the largest weight of those that take part; the first one where none has any. */
export function largestOf(row: Float32Array, from: number): number {
  const rest = row.subarray(from);
  return rest.length === 0 ? 0 : from + rest.indexOf(largest(rest));
}
