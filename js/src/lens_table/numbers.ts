// The CSV of the view: one row for each layer, position and rank.

import { csv } from "../picture/csv";
import { pieceOf } from "../tokens";
import type { Text } from "../trace";
import { NAMED, named } from "../trace";
import type { Lens } from "./result";

export function numbers(lens: Lens, text: Text): string {
  const layers = lens.probs.numbers("layer");
  const last = layers.at(-1) ?? 0;
  const watched = lens.watched?.numbers("watched") ?? [];
  const rows = layers.flatMap((layer) =>
    lens.probs.numbers("token").flatMap((token) =>
      lens.probs.numbers("rank").map((rank) => {
        const id = lens.token_ids.at({ layer, token, rank });
        const final = lens.token_ids.at({ layer: last, token, rank });
        return [
          ...[layer, token, ...named(text, token), rank, id, pieceOf(lens.vocab, id)[0], lens.probs.at({ layer, token, rank })],
          ...[final, pieceOf(lens.vocab, final)[0], lens.final_probs.at({ layer, token, rank })],
          ...[lens.entropy.at({ layer, token }), lens.kl.at({ layer, token }), lens.realised.at({ layer, token })],
          ...watched.map((id) => lens.watched?.at({ layer, token, watched: id }) ?? null),
        ];
      }),
    ),
  );
  const header = [
    ...["layer", "token", ...NAMED, "rank", ...NAMED.map((name) => `candidate_${name}`), "prob"],
    ...[...NAMED.map((name) => `final_${name}`), "final_prob"],
    ...["entropy", "kl", "realised_prob"],
    ...watched.map((id) => `watched_${id}`),
  ];
  return csv(header, rows);
}
