// Weights and positions in words.

import { stepAt } from "../selection";
import { isolated } from "../tokens";
import type { Text } from "../trace";
import { probability } from "../ui/format";

const LEAST = 0.0005;

/** ", which predicts step 0", or ", which predicts no step". */
export function predicts(text: Text, query: number): string {
  const step = stepAt(text, query);
  return step === null ? ", which predicts no step" : `, which predicts step ${step}`;
}

export function named(text: Text, position: number): string {
  return isolated(text.pieces[position]?.[1] ?? "?");
}

/** "0.23", or "≈0.02" for a weight that is known as one of 16 levels only. */
export function figure(weight: number, known: boolean): string {
  return `${known ? "" : "≈"}${weightName(weight)}`;
}

/** "0.23" */
export function weightName(weight: number): string {
  // Weights arrive as bytes, which do not tell smaller ones apart.
  if (weight < LEAST) return "<0.001";
  return probability(weight, digitsOf(weight));
}

/** The same in per cent: "23 %". */
export function percent(weight: number): string {
  return `${weightName(weight).replace(/[\d.]+/, (share) => String(Number((100 * Number(share)).toFixed(1))))} %`;
}

/** The number of digits after the point for a weight of this size. */
export function digitsOf(weight: number): number {
  return weight < 0.005 ? 3 : 2;
}
