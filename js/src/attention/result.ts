// Attention after decoding: the attention tree of docs/wire.md, with a small map of every head.

import type { Check } from "../checks";
import { rowStart } from "../maps/triangle";
import type { LabeledArray } from "../wire";

export interface Attention {
  kind: "attention";
  traces: string[];
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

/** What the selection points at here; what is not in this result counts as not selected. */
export function whoseIn({ layers, heads }: Attention, { layer, head }: Whose): Whose {
  return {
    layer: layer !== null && layers.includes(layer) ? layer : null,
    head: head !== null && heads.includes(head) ? head : null,
  };
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
