// Attention in words.

import { digitsOf, weightName } from "../maps/words";
import type { Attention, Whose } from "./result";
import type { HeadSlice } from "./slice";
import { isExact, rangeOf, rowOf } from "./slice";

/** "layer 17, head 4", or "layer 17, mean over heads". */
export function whoseName({ layer, head }: Whose): string {
  if (layer === null) return head === null ? "all layers, mean over heads" : `head ${head}, mean over layers`;
  return `layer ${layer}, ${head === null ? "mean over heads" : `head ${head}`}`;
}

/** "0.23, layer 17, head 4"; a weight at one of 16 levels begins with "about". */
export function share(slice: HeadSlice, query: number, key: number): string {
  const weight = isLevel(slice, query, key) ? roughly(slice, query, key) : weightName(rowOf(slice, query)[key] ?? 0);
  return `${weight}, ${whoseName(slice)}`;
}

function isLevel(slice: HeadSlice, query: number, key: number): boolean {
  return slice.exact !== null && !isExact(slice, query, key);
}

/** "about 0.02 (0.01 to 0.03)": the level and its bounds, which are rounded outward, so that no weight lies outside. */
function roughly(slice: HeadSlice, query: number, key: number): string {
  const weight = rowOf(slice, query)[key] ?? 0;
  const [least, most] = rangeOf(slice, query, key);
  const upTo = outward(most, Math.ceil);
  return weight === 0 ? `less than ${upTo}` : `about ${weightName(weight)} (${outward(least, Math.floor)} to ${upTo})`;
}

/** A bound with the digits of a weight of this size, rounded by `round`. */
function outward(end: number, round: (x: number) => number): string {
  const digits = digitsOf(end);
  // Bounds are float32. Ignore a smaller difference in the last digit: it is noise.
  const whole = end * 10 ** digits;
  const near = Math.round(whole);
  return ((Math.abs(whole - near) < 1e-4 ? near : round(whole)) / 10 ** digits).toFixed(digits);
}

/** How the numbers were computed, and how exact they are. */
export function about({ via, without, layers, heads, sinks }: Attention, slice: HeadSlice, query: number): string {
  const count = `${layers.length} ${layers.length === 1 ? "layer" : "layers"} × ${heads.length} ${heads.length === 1 ? "head" : "heads"}`;
  const map = "Each small map shows queries (down) × keys (across); each point is the largest weight there";
  const means = "The first column is the mean over heads, the first row the mean over layers";
  const apart = sinks ? " The small maps leave out the sinks; the large map has a column for them." : "";
  const [s, have] = without.length === 1 ? ["", "has"] : ["s", "have"];
  const others = without.length === 0 ? "" : ` Layer${s} ${without.join(", ")} ${have} no attention.`;
  return `${count}. ${map}. ${means}.${apart}${others} Computed by ${via}. ${form(slice, query)}.`;
}

function form({ rest }: HeadSlice, query: number): string {
  if (rest === null) return "Weights are rounded by at most 0.004, small ones by less (0.0004 at 0.01)";
  return (
    "The 16 largest weights of each row are exact (to within 0.00004), the others are rounded to 16 levels. In " +
    `row ${query} the others sum to ${weightName(rest[query] ?? 0)}`
  );
}
