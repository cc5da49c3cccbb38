// The attention tree of docs/architecture.md, after decoding, and what is read off it: rows, maps, and their means.

import type { Check } from "./checks";
import type { LabeledArray } from "./wire";

export interface Attention {
  kind: "attention";
  trace: string;
  layers: number[];
  heads: number[];
  /** [layer, head, query, key]; 0 where the key comes after the query. */
  weights: LabeledArray;
  /** [layer, head, query]; null where the model has no sinks. */
  sink: LabeledArray | null;
  via: string;
  checks: Check[];
  method: string;
  code: string;
  cost: number;
}

/** Whose attention: null is the mean over all of them. */
export interface Whose {
  layer: number | null;
  head: number | null;
}

/** How many positions there are: queries, and as many keys. */
export function lengthOf({ weights }: Attention): number {
  return weights.shape[3] ?? 0;
}

/** What the selection points at here; what is not in this result counts as not selected. */
export function whoseIn({ layers, heads }: Attention, { layer, head }: Whose): Whose {
  return {
    layer: layer !== null && layers.includes(layer) ? layer : null,
    head: head !== null && heads.includes(head) ? head : null,
  };
}

/** The weights that a query gives to every key. */
export function rowOf(attention: Attention, whose: Whose, query: number): Float32Array {
  const length = lengthOf(attention);
  return mean(attention, attention.weights, whose, length * length, query * length, length);
}

/** The whole map of query x key, query by query. */
export function mapOf(attention: Attention, whose: Whose): Float32Array {
  const known = maps.get(attention) ?? new Map<string, Float32Array>();
  maps.set(attention, known);
  const name = `${whose.layer}/${whose.head}`;
  const size = lengthOf(attention) ** 2;
  const map = known.get(name) ?? mean(attention, attention.weights, whose, size, 0, size);
  known.set(name, map);
  return map;
}

const maps = new WeakMap<Attention, Map<string, Float32Array>>();

/** What a query gives to the sink; null where there is none. */
export function sinkOf(attention: Attention, whose: Whose, query: number): number | null {
  if (!attention.sink) return null;
  return mean(attention, attention.sink, whose, lengthOf(attention), query, 1)[0] ?? null;
}

/** What every query gives to the sink; null where there is none. */
export function sinksOf(attention: Attention, whose: Whose): Float32Array | null {
  const length = lengthOf(attention);
  return attention.sink && mean(attention, attention.sink, whose, length, 0, length);
}

/** A stretch of one head's numbers, of which there are `each` per head, or its mean over heads or layers. */
function mean(
  { layers, heads }: Attention,
  { values }: LabeledArray,
  { layer, head }: Whose,
  each: number,
  start: number,
  length: number,
): Float32Array {
  const those = layer === null ? layers.map((_, i) => i) : [layers.indexOf(layer)];
  const ones = head === null ? heads.map((_, i) => i) : [heads.indexOf(head)];
  const from = those.flatMap((i) => ones.map((j) => (i * heads.length + j) * each + start));
  if (from.length === 1) return values.subarray(from[0], (from[0] as number) + length) as Float32Array;
  const sum = new Float32Array(length);
  for (const offset of from) for (let i = 0; i < length; i++) sum[i] = (sum[i] as number) + (values[offset + i] as number);
  return sum.map((x) => x / from.length);
}
