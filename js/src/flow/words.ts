// A rollout in words.

import { weightName } from "../maps/words";
import type { Rollout } from "./result";

/** "0.23 of what is in position 9 after layer 17". */
export function shareIn(share: number, query: number, layer: number): string {
  return `${weightName(share)} of what is in position ${query} after layer ${layer}`;
}

/** "rollout to position 9" */
export function placeName(query: number): string {
  return `rollout to position ${query}`;
}

/** What the map shows, and how exact its numbers are. */
export function about({ layers, via, method }: Rollout): string {
  const which = layers.length === 1 ? `layer ${layers[0]}` : `layers ${layers[0]} to ${layers.at(-1)}`;
  return (
    `Each row is one of ${which} and sums to one: the shares of the input tokens (across) in the position that reads, after that layer. ` +
    `Attention was computed by ${via}; shares here are right to within 0.004, small ones more finely (0.0004 at 0.01). ${settings(method)}`
  );
}

export const TRUST =
  "When not to trust it: it follows attention alone. What a value holds, output projections and MLPs are left out, so this is how " +
  "much of a token could have come here, not how much it mattered.";

/** The parameters of the analysis, as its code has them. */
function settings(method: string): string {
  const inside = /\((.*)\)/.exec(method)?.[1];
  return inside ? `Rolled out with ${inside}.` : "";
}
