// Attention in words.

import type { Attention, Whose } from "../attention";
import { probability } from "../format";
import { stepAt } from "../selection";
import { isolated } from "../tokens";
import type { Text } from "../trace";

const LEAST = 0.0005;

/** "layer 17, head 4"; a mean is said to be one. */
export function whoseName({ layer, head }: Whose): string {
  if (layer === null) return head === null ? "all layers, mean over heads" : `head ${head}, mean over layers`;
  return `layer ${layer}, ${head === null ? "mean over heads" : `head ${head}`}`;
}

/** ", which predicts step 0", or that it predicts none. */
export function predicts(text: Text, query: number): string {
  const step = stepAt(text, query);
  return step === null ? ", which predicts no step" : `, which predicts step ${step}`;
}

/** "position 9 ·of, which predicts step 0". */
export function reader(text: Text, query: number): string {
  return `position ${query} ${named(text, query)}${predicts(text, query)}`;
}

export function named(text: Text, position: number): string {
  return isolated(text.pieces[position]?.[1] ?? "?");
}

/** "0.23 of the attention of layer 17, head 4". */
export function share(weight: number, whose: Whose): string {
  return `${weightName(weight)} of the attention of ${whoseName(whose)}`;
}

export function weightName(weight: number): string {
  // Smaller ones are not told apart by the bytes that they come as.
  if (weight < LEAST) return "<0.001";
  return probability(weight, weight < 0.005 ? 3 : 2);
}

/** How the numbers came about, and how exact they are. */
export function about({ via, layers, heads, sink }: Attention, maps: boolean): string {
  const each = maps
    ? "each a map of the position that reads (down) × the positions it looks at (across)"
    : "each a strip of what the current position looks at, from the first token to itself";
  const count = `${layers.length} ${layers.length === 1 ? "layer" : "layers"} × ${heads.length} ${heads.length === 1 ? "head" : "heads"}`;
  const apart = sink ? " What a head gives to its sink is in none of them: the large map has a column for it." : "";
  return `${count}, ${each}; the first column is the mean over heads.${apart} Computed by ${via}; weights here are right to within 0.004.`;
}
