// Finds the layer where the other tokens have most: after the last layer of most models, position 0 has nearly everything.

import type { Arrived } from "./result";
import { sharesIn } from "./result";

/** If position 0 has this share, the tint of the others is too pale to see. */
const NEARLY = 0.9;

/** The share of all tokens but position 0 and the query itself. */
function others({ query }: Arrived, row: Float32Array): number {
  return query === 0 ? 0 : 1 - (row[0] ?? 0) - (row[query] ?? 0);
}

/** The layer after which the others have most, and their share; null if `layer` is not nearly all position 0, or is the best. */
export function mostOthers(arrived: Arrived, layer: number): { layer: number; share: number } | null {
  const shown = sharesIn(arrived, layer);
  if ((shown[0] ?? 0) < NEARLY) return null;
  const all = arrived.layers.map((each) => ({ layer: each, share: others(arrived, sharesIn(arrived, each)) }));
  const most = all.reduce((a, b) => (b.share > a.share ? b : a));
  return most.share > Math.max(1 - NEARLY, others(arrived, shown)) ? most : null;
}
