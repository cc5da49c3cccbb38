// The numbers of the view: one row per step and token that was there, as `to_pandas()` gives them.

import { csv } from "../csv";
import type { Scores } from "../scores";
import { rowOf } from "../scores";
import type { Text } from "../trace";
import { NAMED, named } from "../trace";

export function numbers(scores: Scores, text: Text): string {
  const rows = scores.steps.flatMap((step) => {
    const { tokens, values } = rowOf(scores, step);
    return tokens.map((token) => [step, token, ...named(text, token), values[token] ?? null]);
  });
  return csv(["step", "token", ...NAMED, "score"], rows);
}
