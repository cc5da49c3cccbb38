// After the last layer of most models nearly everything is position 0. Where the other tokens have most, there is more to see.

import type { Arrived } from "./result";
import { sharesIn } from "./result";

/** Of so much of position 0 the rest is hardly tinted. */
const NEARLY = 0.9;

/** What has come from other tokens than position 0 and the token itself. */
function others({ query }: Arrived, row: Float32Array): number {
  return query === 0 ? 0 : 1 - (row[0] ?? 0) - (row[query] ?? 0);
}

/** The layer after which the others have most, and how much; null where `layer` is not nearly all position 0, or none has more. */
export function mostOthers(arrived: Arrived, layer: number): { layer: number; share: number } | null {
  const shown = sharesIn(arrived, layer);
  if ((shown[0] ?? 0) < NEARLY) return null;
  const all = arrived.layers.map((each) => ({ layer: each, share: others(arrived, sharesIn(arrived, each)) }));
  const most = all.reduce((a, b) => (b.share > a.share ? b : a));
  return most.share > Math.max(1 - NEARLY, others(arrived, shown)) ? most : null;
}
