// The CSV of the view: one row for each step and candidate, as the trace's `to_pandas(candidates=...)` gives them.

import { csv } from "../picture/csv";
import { position, tokenOf } from "../selection";
import { pieceOf } from "../tokens";
import type { Trace } from "../trace";
import { NAMED, named } from "../trace";

const CHOSEN = ["chosen_prob", "chosen_rank", "entropy"];

export function numbers(trace: Trace): string {
  const { ids, probs } = trace.candidates;
  const rows = Array.from({ length: trace.steps }, (_, step) => {
    const token = tokenOf(trace, step);
    const rank = trace.ranks.at({ step });
    const where = [step, position(trace, step), token, ...named(trace, token)];
    const chosen = [trace.probs.at({ step }), rank < 0 ? null : rank, trace.entropy.at({ step })];
    return ids.numbers("rank").map((rank) => {
      const id = ids.at({ step, rank });
      return [...where, ...chosen, rank, id, pieceOf(trace.vocab, id)[0], probs.at({ step, rank })];
    });
  }).flat();
  return csv(["step", "query", "token", ...NAMED, ...CHOSEN, "rank", ...NAMED.map((name) => `candidate_${name}`), "prob"], rows);
}
