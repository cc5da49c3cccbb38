// The scores tree of docs/architecture.md, after decoding.

import type { Check } from "./checks";
import type { LabeledArray } from "./wire";

export interface Target {
  /** null: every step. */
  step: number | null;
  token: string | number | null;
  against: string | number | null;
  of: "logit" | "log_prob" | "prob" | "entropy";
}

export interface Scores {
  kind: "token_scores";
  trace: string;
  target: Target;
  /** The steps that were explained: the rows of everything below. */
  steps: number[];
  /** [step, token], in `unit`; NaN where a token did not exist yet. */
  scores: LabeledArray;
  /** [step], the number that is explained, and the same for the baseline (NaN where the method has none). */
  values: LabeledArray;
  baseline_values: LabeledArray;
  unit: string;
  questions: string[];
  /** In words; "" where the method has none. */
  baseline: string;
  checks: Check[];
  method: string;
  code: string;
  cost: number;
}

/** The tokens that have a score at a step, in order. */
export function scored({ scores }: Pick<Scores, "scores">, step: number): number[] {
  return scores.numbers("token").filter((token) => !Number.isNaN(scores.at({ step, token })));
}

/** The same, the largest without regard to sign first; equal ones in the order of the text. */
export function bySize({ scores }: Pick<Scores, "scores">, step: number): number[] {
  const size = (token: number) => Math.abs(scores.at({ step, token }));
  return scored({ scores }, step).sort((a, b) => size(b) - size(a) || a - b);
}

/** The largest score without regard to sign: the ends of the scale, the same at every step. */
export function widest({ scores }: Pick<Scores, "scores">): number {
  let most = 0;
  for (const value of scores.values) if (Math.abs(value) > most) most = Math.abs(value);
  return most;
}

/** The sum of a step's scores, and of their sizes. */
export function sums({ scores }: Pick<Scores, "scores">, step: number): { signed: number; sizes: number } {
  const values = scored({ scores }, step).map((token) => scores.at({ step, token }));
  return { signed: values.reduce((sum, x) => sum + x, 0), sizes: values.reduce((sum, x) => sum + Math.abs(x), 0) };
}
