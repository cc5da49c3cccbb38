// Weights and positions in words.

import { stepAt } from "../selection";
import { isolated } from "../tokens";
import type { Text } from "../trace";
import { probability } from "../ui/format";

const LEAST = 0.0005;

/** ", which predicts step 0", or that it predicts none. */
export function predicts(text: Text, query: number): string {
  const step = stepAt(text, query);
  return step === null ? ", which predicts no step" : `, which predicts step ${step}`;
}

export function named(text: Text, position: number): string {
  return isolated(text.pieces[position]?.[1] ?? "?");
}

/** "0.23", and "≈0.02" for what is known as one of 16 levels alone. */
export function figure(weight: number, known: boolean): string {
  return `${known ? "" : "≈"}${weightName(weight)}`;
}

export function weightName(weight: number): string {
  // Smaller ones are not told apart by the bytes that they come as.
  if (weight < LEAST) return "<0.001";
  return probability(weight, digitsOf(weight));
}

/** How many digits after the point a weight of this size has. */
export function digitsOf(weight: number): number {
  return weight < 0.005 ? 3 : 2;
}
