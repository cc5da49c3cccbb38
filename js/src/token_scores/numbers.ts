// The CSV of the view: one row for each step and each token that existed then, as in `to_pandas()`.

import { csv } from "../picture/csv";
import type { Text } from "../trace";
import { NAMED, named } from "../trace";
import type { Scores } from "./result";
import { rowOf } from "./result";

export function numbers(scores: Scores, text: Text): string {
  const rows = scores.steps.flatMap((step) => {
    const { tokens, values } = rowOf(scores, step);
    return tokens.map((token) => [step, token, ...named(text, token), values[token] ?? null]);
  });
  return csv(["step", "token", ...NAMED, "score"], rows);
}
