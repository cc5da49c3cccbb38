// The rollout tree of docs/architecture.md, after decoding, and what is read off it.

import type { Check } from "./checks";
import type { LabeledArray } from "./wire";

export interface Rollout {
  kind: "rollout";
  trace: string;
  layers: number[];
  /** [layer, query, key]: the share of the input token `key` in the stream at `query`, after the layer; rows sum to one. */
  flow: LabeledArray;
  via: string;
  checks: Check[];
  method: string;
  code: string;
  cost: number;
}

/** How many positions there are. */
export function lengthOf({ flow }: Rollout): number {
  return flow.shape[2] ?? 0;
}

/** The layer that is meant; the last where it is not in this rollout. */
export function layerIn({ layers }: Rollout, layer: number | null): number {
  return layer !== null && layers.includes(layer) ? layer : (layers.at(-1) ?? 0);
}

/** The shares of the input tokens in a position after a layer, up to the position itself. */
export function sharesIn(rollout: Rollout, layer: number, query: number): Float32Array {
  const length = lengthOf(rollout);
  const start = (rollout.layers.indexOf(layer) * length + query) * length;
  return rollout.flow.values.subarray(start, start + query + 1) as Float32Array;
}
