// A rollout after decoding (the rollout tree of docs/wire.md), and its slices: one for each position.

import type { Check } from "../checks";
import type { LabeledArray } from "../wire";

export interface Rollout {
  kind: "rollout";
  traces: string[];
  layers: number[];
  /** The number of positions. */
  length: number;
  via: string;
  checks: Check[];
  method: string;
  code: string;
  cost: number;
}

/** The position of a slice. */
export interface Reading {
  query: number;
}

/** The slice of one position: how much of it comes from each input token. */
export interface Arrived extends Reading {
  layers: readonly number[];
  /** A row for each of `layers`: the shares of the input tokens up to the position itself, which sum to one. */
  rows: readonly Float32Array[];
}

/** The selected layer; the last layer if this rollout lacks it. */
export function layerIn({ layers }: Pick<Rollout, "layers">, layer: number | null): number {
  return layer !== null && layers.includes(layer) ? layer : (layers.at(-1) ?? 0);
}

/** The shares of the input tokens after a layer. */
export function sharesIn({ layers, rows }: Arrived, layer: number): Float32Array {
  return rows[layers.indexOf(layer)] as Float32Array;
}

/** Reads a slice, whose numbers are stored key by key. */
export function arrivedOf(tree: unknown, { layers }: Rollout): Arrived {
  const { query, flow } = tree as { query: number; flow: LabeledArray };
  const keys = query + 1;
  if (flow.values.length !== keys * layers.length) {
    throw new Error(
      `the slice has ${flow.values.length} shares; ${layers.length} layers × ${keys} tokens need ${keys * layers.length}`,
    );
  }
  const row = (i: number) => Float32Array.from({ length: keys }, (_, key) => flow.values[key * layers.length + i] as number);
  return { query, layers, rows: layers.map((_, i) => row(i)) };
}
