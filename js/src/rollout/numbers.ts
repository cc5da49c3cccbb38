// The numbers of a rollout: what is in one position after every layer, one line per input token.

import { csv } from "../csv";
import type { Rollout } from "../rollout";
import { sharesIn } from "../rollout";
import type { Text } from "../trace";
import { NAMED, named } from "../trace";

export function numbers(rollout: Rollout, text: Text, query: number): string {
  const rows = rollout.layers.flatMap((layer) =>
    [...sharesIn(rollout, layer, query)].map((share, key) => [
      layer,
      query,
      key,
      ...named(text, key),
      Number(share.toPrecision(6)),
    ]),
  );
  return csv(["layer", "query", "key", ...NAMED, "share"], rows);
}
