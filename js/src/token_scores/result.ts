// The scores tree of docs/wire.md, after decoding.

import type { Check } from "../checks";
import type { Sentences } from "../parts";
import type { Target } from "../requests/target";
import type { LabeledArray } from "../wire";

export interface Scores {
  kind: "token_scores";
  traces: string[];
  target: Target;
  /** The steps that were explained: the rows of everything below. */
  steps: number[];
  /** [step, token], in `unit`; NaN where a token did not exist yet. */
  scores: LabeledArray;
  /** [step], the number that is explained, and the same for the baseline (NaN where the method has none). */
  values: LabeledArray;
  baseline_values: LabeledArray;
  unit: string;
  sentences: Sentences;
  /** In words; "" where the method has none. */
  baseline: string;
  checks: Check[];
  method: string;
  code: string;
  cost: number;
}

/** What was found at one step. */
export interface Row {
  step: number;
  /** Of every token; NaN where it did not exist yet. */
  values: readonly number[];
  /** The tokens that have a score, in the order of the text. */
  tokens: readonly number[];
  sum: number;
  /** The sum of all scores without their signs, and the largest of them: the ends of the scale. */
  sizes: number;
  widest: number;
}

const rows = new WeakMap<Scores, Map<number, Row>>();

/** The scores of a step, with what follows from them, worked out once. */
export function rowOf(scores: Scores, step: number): Row {
  const known = rows.get(scores) ?? new Map<number, Row>();
  rows.set(scores, known);
  const row = known.get(step) ?? makeRow(scores, step);
  known.set(step, row);
  return row;
}

function makeRow({ scores }: Scores, step: number): Row {
  const values = scores.numbers("token").map((token) => scores.at({ step, token }));
  const tokens = values.flatMap((value, token) => (Number.isNaN(value) ? [] : [token]));
  const there = tokens.map((token) => values[token] as number);
  const sizes = there.map(Math.abs);
  const total = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0);
  return { step, values, tokens, sum: total(there), sizes: total(sizes), widest: sizes.reduce((a, b) => Math.max(a, b), 0) };
}

/** The tokens of a step, the largest score without regard to sign first; equal ones in the order of the text. */
export function bySize({ tokens, values }: Row): number[] {
  const size = (token: number) => Math.abs(values[token] ?? 0);
  return [...tokens].sort((a, b) => size(b) - size(a) || a - b);
}

/** The largest score of all steps without regard to sign. */
export function widestOf(scores: Scores): number {
  return scores.steps.reduce((most, step) => Math.max(most, rowOf(scores, step).widest), 0);
}
