// A rollout after decoding: what it is (the rollout tree of docs/wire.md), and the slices of it, one position each.

import type { Check } from "../checks";
import type { LabeledArray } from "../wire";

export interface Rollout {
  kind: "rollout";
  traces: string[];
  layers: number[];
  /** How many positions there are. */
  length: number;
  via: string;
  checks: Check[];
  method: string;
  code: string;
  cost: number;
}

/** The position that reads. */
export interface Reading {
  query: number;
}

/** What is in one position. */
export interface Arrived extends Reading {
  layers: readonly number[];
  /** Layer by layer, in the order of `layers`: the shares of the input tokens up to the position itself; each sums to one. */
  rows: readonly Float32Array[];
}

/** The layer that is meant; the last where it is not in this rollout. */
export function layerIn({ layers }: Pick<Rollout, "layers">, layer: number | null): number {
  return layer !== null && layers.includes(layer) ? layer : (layers.at(-1) ?? 0);
}

/** The shares of the input tokens after a layer. */
export function sharesIn({ layers, rows }: Arrived, layer: number): Float32Array {
  return rows[layers.indexOf(layer)] as Float32Array;
}

/** Reads a slice, which stands key by key. */
export function arrivedOf(tree: unknown, { layers }: Rollout): Arrived {
  const { query, flow } = tree as { query: number; flow: LabeledArray };
  const keys = query + 1;
  if (flow.values.length !== keys * layers.length) {
    throw new Error(
      `${flow.values.length} shares came, of ${layers.length} layers and ${keys} tokens there are ${keys * layers.length}`,
    );
  }
  const row = (i: number) => Float32Array.from({ length: keys }, (_, key) => flow.values[key * layers.length + i] as number);
  return { query, layers, rows: layers.map((_, i) => row(i)) };
}
