// Token scores after decoding: the scores tree of docs/wire.md.

import type { Check } from "../checks";
import type { Sentences } from "../parts";
import type { Target } from "../requests/target";
import type { LabeledArray } from "../wire";

export interface Scores {
  kind: "token_scores";
  traces: string[];
  target: Target;
  /** The explained steps: a row of each array below. */
  steps: number[];
  /** [step, token], in `unit`; NaN for a token that did not exist yet. */
  scores: LabeledArray;
  /** [step]: the explained number, for the text and for the baseline (NaN if the method has no baseline). */
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

/** The scores of one step. */
export interface Row {
  step: number;
  /** The score of each token; NaN for a token that did not exist yet. */
  values: readonly number[];
  /** The tokens that have a score, in the order of the text. */
  tokens: readonly number[];
  sum: number;
  /** The sum of the absolute scores, and the largest of them, which is the end of the scale. */
  sizes: number;
  widest: number;
}

const rows = new WeakMap<Scores, Map<number, Row>>();

/** The scores of a step with their sums; computed once. */
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

/** The tokens of a step by absolute score, largest first; equal ones in the order of the text. */
export function bySize({ tokens, values }: Row): number[] {
  const size = (token: number) => Math.abs(values[token] ?? 0);
  return [...tokens].sort((a, b) => size(b) - size(a) || a - b);
}

/** The largest absolute score of all steps. */
export function widestOf(scores: Scores): number {
  return scores.steps.reduce((most, step) => Math.max(most, rowOf(scores, step).widest), 0);
}
