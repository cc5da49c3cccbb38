// The scale of the tint: with position 0 or without it. Position 0 often has so much weight that all others look empty.

import { amount } from "./paint";

export interface Tint {
  /** The weight with the darkest tint; larger weights are as dark. */
  top: number;
  /** The first key that is tinted. */
  from: number;
  /** Whether all tinted keys have weight zero. */
  empty?: boolean;
}

/** The scale of a row of a rollout reaches at least to this. */
export const LEAST_TOP = 0.01;

export const WHOLE: Tint = { top: 1, from: 0 };

/** The scale without position 0: up to the largest other weight of the row. Weights stay the same, only the scale changes. */
export function withoutFirst(row: Float32Array, query: number): Tint {
  const top = largest(row.subarray(1, query + 1));
  return top > 0 ? { top, from: 1 } : { top: 1, from: 1, empty: true };
}

/**
 * The same for a row of a rollout, also without the token itself: its share falls from a half in the first layers to almost
 * nothing in the last. There position 0 has nearly all, and the rest stays pale: a byte cannot tell such small shares apart.
 */
export function withoutFirstAndOwn(row: Float32Array, query: number): Tint {
  return { top: Math.max(LEAST_TOP, largest(row.subarray(1, Math.max(1, query)))), from: 1 };
}

function largest(row: Float32Array): number {
  return row.reduce((a, b) => Math.max(a, b), 0);
}

/** How dark the tint of a weight is, from 0 to 1. */
export function darkness({ top, from }: Tint, weight: number, key: number): number {
  return key < from ? 0 : Math.min(1, amount(weight / top));
}

/** The keys with the largest weights, largest first: at most `most` keys, each with at least `least` of the scale. */
export function strongest(row: Float32Array, query: number, { top, from }: Tint, most = 8, least = 0.02): number[] {
  const keys = Array.from({ length: Math.max(0, query + 1 - from) }, (_, i) => i + from);
  const weight = (key: number) => row[key] ?? 0;
  return keys
    .filter((key) => weight(key) >= least * top)
    .sort((a, b) => weight(b) - weight(a) || a - b)
    .slice(0, most);
}

/** The key from `from` on with the largest weight; the first such key if all weights are zero. */
export function largestOf(row: Float32Array, from: number): number {
  const rest = row.subarray(from);
  return rest.length === 0 ? 0 : from + rest.indexOf(largest(rest));
}
