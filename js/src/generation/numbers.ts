// The numbers of the view: one row per step and candidate.

import { csv } from "../csv";
import { tokenOf } from "../selection";
import { pieceOf } from "../tokens";
import type { Trace } from "../trace";

export function numbers(trace: Trace): string {
  const { ids, probs } = trace.candidates;
  const rows = Array.from({ length: trace.steps }, (_, step) =>
    ids.numbers("rank").map((rank) => {
      const id = ids.at({ step, rank });
      const chosen = trace.ranks.at({ step });
      return [
        step,
        tokenOf(trace, step),
        rank,
        id,
        pieceOf(trace.vocab, id)[0],
        probs.at({ step, rank }),
        trace.entropy.at({ step }),
        chosen,
        trace.probs.at({ step }),
      ];
    }),
  ).flat();
  return csv(["step", "token", "rank", "token_id", "text", "prob", "entropy", "chosen_rank", "chosen_prob"], rows);
}
