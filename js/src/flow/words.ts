// A rollout in words.

import { percent } from "../maps/words";
import type { Rollout } from "./result";

/** "23 % after layer 17" */
export function shareAfter(share: number, layer: number): string {
  return `${percent(share)} after layer ${layer}`;
}

/** "rollout to position 9" */
export function placeName(query: number): string {
  return `rollout to position ${query}`;
}

/** What the map shows, and how exact its numbers are. */
export function about({ layers, via, method }: Rollout): string {
  const which = layers.length === 1 ? `layer ${layers[0]} only` : `layers ${layers[0]} to ${layers.at(-1)}`;
  return (
    `Rows are ${which}. Each row has the shares of the input tokens (across) in the selected position after that layer, and sums to 1. ` +
    `Attention was computed by ${via}. Shares are rounded by at most 0.004, small ones by less (0.0004 at 0.01). ${settings(method)}`
  );
}

export const TRUST =
  "When not to trust it: a rollout follows attention weights only. It leaves out values, output projections and MLPs. It shows " +
  "how much of a token could have reached this position, not how much the token mattered.";

/** The parameters of the analysis, as its code has them. */
function settings(method: string): string {
  const inside = /\((.*)\)/.exec(method)?.[1];
  return inside ? `Parameters: ${inside}.` : "";
}
