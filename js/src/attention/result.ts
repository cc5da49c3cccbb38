// Attention after decoding: the overview (the attention tree of docs/architecture.md), and the slices of it, one map each.

import type { Check } from "../checks";
import type { LabeledArray } from "../wire";
import { BYTE, FIXED } from "../wire";
import type { Compact } from "./levels";
import { STEPS, triangleOf } from "./levels";

export interface Attention {
  kind: "attention";
  trace: string;
  layers: number[];
  heads: number[];
  /** How many positions there are: queries, and as many keys. */
  length: number;
  /** [layer, head, query, key]: the largest weight of each block of cells. The last layer and the last head are the mean. */
  maps: LabeledArray;
  /** Whether the model has sinks. */
  sinks: boolean;
  via: string;
  /** Layers that were asked for and have no attention. */
  without: number[];
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

/** The map of one head, or a mean. */
export interface HeadSlice extends Whose {
  length: number;
  /** Row by row, up to the query itself: the weight of (query, key) stands at rowStart(query) + key. */
  weights: Float32Array;
  /** What each query gives to the sink; null where there is none. */
  sink: Float32Array | null;
  /** In the compact form, 1 where a weight is exact; the others are one of 16 levels. Null where every weight is a byte. */
  exact: Uint8Array | null;
  /** In the compact form, what the weights of each row that are not exact sum to. */
  rest: Float32Array | null;
}

/** What the selection points at here; what is not in this result counts as not selected. */
export function whoseIn({ layers, heads }: Attention, { layer, head }: Whose): Whose {
  return {
    layer: layer !== null && layers.includes(layer) ? layer : null,
    head: head !== null && heads.includes(head) ? head : null,
  };
}

export function isSame(one: Whose, other: Whose): boolean {
  return one.layer === other.layer && one.head === other.head;
}

/** The small map of a head or a mean: like the weights of a slice, of blocks in place of positions. */
export function smallMapOf({ layers, heads, maps }: Attention, { layer, head }: Whose): { map: Float32Array; side: number } {
  const side = maps.shape[3] ?? 0;
  const row = layer === null ? layers.length : layers.indexOf(layer);
  const start = (row * (heads.length + 1) + (head === null ? heads.length : heads.indexOf(head))) * side * side;
  const map = new Float32Array(rowStart(side));
  for (let down = 0; down < side; down++) {
    map.set(maps.values.subarray(start + down * side, start + down * side + down + 1), rowStart(down));
  }
  return { map, side };
}

/** Where a row of weights begins that goes up to the query itself. */
export function rowStart(query: number): number {
  return (query * (query + 1)) / 2;
}

/** The weights that a query gives to the keys up to itself. */
export function rowOf({ weights }: HeadSlice, query: number): Float32Array {
  return weights.subarray(rowStart(query), rowStart(query + 1));
}

/** Whether a weight is one of the exact ones of a compact form: no level stands for it. */
export function isExact({ exact }: HeadSlice, query: number, key: number): boolean {
  return exact !== null && exact[rowStart(query) + key] === 1;
}

/** What a weight may have been before it was packed: half a step to either side, by the square root unless it is exact. */
export function rangeOf(slice: HeadSlice, query: number, key: number): [number, number] {
  const weight = slice.weights[rowStart(query) + key] ?? Number.NaN;
  const half = 0.5 / (isExact(slice, query, key) ? FIXED : slice.exact ? STEPS : BYTE);
  if (isExact(slice, query, key)) return [Math.max(0, weight - half), Math.min(1, weight + half)];
  return [Math.max(0, Math.sqrt(weight) - half) ** 2, Math.min(1, Math.sqrt(weight) + half) ** 2];
}

/** The slice tree of docs/architecture.md, decoded. */
interface SliceTree extends Whose {
  form: "full" | "compact";
  sink: LabeledArray | null;
  weights?: LabeledArray;
  base?: number;
  cells?: LabeledArray;
  exact?: LabeledArray;
  rest?: LabeledArray;
}

export function sliceOf(tree: unknown, length: number): HeadSlice {
  const { form, layer, head, sink, weights, base, cells, exact, rest } = tree as SliceTree;
  const its = { layer, head, length, sink: (sink?.values ?? null) as Float32Array | null };
  if (form === "full" && weights) return { ...its, weights: weights.values as Float32Array, exact: null, rest: null };
  if (form !== "compact" || !cells || !exact || !rest || base === undefined) {
    throw new Error(`This view is older than the page: it does not know the form ${form}.`);
  }
  const compact: Compact = { base, cells: cells.values as Uint8Array, exact: exact.values as Float32Array };
  return { ...its, ...triangleOf(compact, length), rest: rest.values as Float32Array };
}
