// The numbers of the view: one row per layer, position and rank.

import { csv } from "../csv";
import type { Lens } from "../lens";
import { pieceOf } from "../tokens";

export function numbers(lens: Lens): string {
  const rows = lens.probs.numbers("layer").flatMap((layer) =>
    lens.probs.numbers("token").flatMap((token) =>
      lens.probs.numbers("rank").map((rank) => {
        const id = lens.token_ids.at({ layer, token, rank });
        return [
          layer,
          token,
          rank,
          id,
          pieceOf(lens.vocab, id)[0],
          lens.probs.at({ layer, token, rank }),
          lens.final_probs.at({ layer, token, rank }),
          lens.entropy.at({ layer, token }),
          lens.kl.at({ layer, token }),
          lens.realised.at({ layer, token }),
        ];
      }),
    ),
  );
  return csv(["layer", "token", "rank", "token_id", "text", "prob", "final_prob", "entropy", "kl", "realised"], rows);
}
