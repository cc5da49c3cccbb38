// Attention after decoding: the attention tree of docs/wire.md, with a small map of every head.

import type { Check } from "../checks";
import { rowStart } from "../maps/triangle";
import type { LabeledArray } from "../wire";

export interface Attention {
  kind: "attention";
  traces: string[];
  layers: number[];
  heads: number[];
  /** The number of positions, which is the number of queries and of keys. */
  length: number;
  /** [layer, head, query, key]: the largest weight in each block of cells. The last layer and the last head are means. */
  maps: LabeledArray;
  /** Whether the model has sinks. */
  sinks: boolean;
  via: string;
  /** Layers of the request that have no attention. */
  without: number[];
  checks: Check[];
  method: string;
  code: string;
  cost: number;
}

/** A layer and a head; null is the mean over all layers or heads. */
export interface Whose {
  layer: number | null;
  head: number | null;
}

/** The selected layer and head; null for one that this result lacks. */
export function whoseIn({ layers, heads }: Attention, { layer, head }: Whose): Whose {
  return {
    layer: layer !== null && layers.includes(layer) ? layer : null,
    head: head !== null && heads.includes(head) ? head : null,
  };
}

/** The small map of a head or a mean: like the weights of a slice, with blocks instead of positions. */
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
