// The map of one head in full: a slice of attention after decoding. The slice tree is in docs/wire.md.

import { rowStart } from "../maps/triangle";
import type { LabeledArray } from "../wire";
import { BYTE, FIXED, rootRange } from "../wire";
import type { Compact } from "./levels";
import { STEPS, triangleOf } from "./levels";
import type { Whose } from "./result";

/** The map of one head, or a mean. */
export interface HeadSlice extends Whose {
  length: number;
  /** The weights row by row: the weight of (query, key) is at rowStart(query) + key. */
  weights: Float32Array;
  /** The sink weight of each query; null if there is no sink. */
  sink: Float32Array | null;
  /** In the compact form, 1 for each exact weight; the others are one of 16 levels. Null in the full form, a byte a weight. */
  exact: Uint8Array | null;
  /** In the compact form, the sum of the weights of each row that are not exact. */
  rest: Float32Array | null;
}

/** The weights that a query gives to the keys up to itself. */
export function rowOf({ weights }: HeadSlice, query: number): Float32Array {
  return weights.subarray(rowStart(query), rowStart(query + 1));
}

/** Whether a weight of a compact form is exact and not one of the levels. */
export function isExact({ exact }: HeadSlice, query: number, key: number): boolean {
  return exact !== null && exact[rowStart(query) + key] === 1;
}

/** The bounds of a weight before packing: half a step to each side, on the square root unless the weight is exact. */
export function rangeOf(slice: HeadSlice, query: number, key: number): [number, number] {
  const weight = slice.weights[rowStart(query) + key] ?? Number.NaN;
  const half = 0.5 / (isExact(slice, query, key) ? FIXED : slice.exact ? STEPS : BYTE);
  if (isExact(slice, query, key)) return [Math.max(0, weight - half), Math.min(1, weight + half)];
  return rootRange(weight, half);
}

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
