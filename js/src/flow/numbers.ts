// The numbers of a rollout: what is in one position after every layer, one line per input token.

import { csv } from "../picture/csv";
import type { Text } from "../trace";
import { NAMED, named } from "../trace";
import type { Arrived } from "./result";
import { sharesIn } from "./result";

export function numbers(arrived: Arrived, text: Text): string {
  const rows = arrived.layers.flatMap((layer) =>
    [...sharesIn(arrived, layer)].map((share, key) => [
      layer,
      arrived.query,
      key,
      ...named(text, key),
      Number(share.toPrecision(6)),
    ]),
  );
  return csv(["layer", "query", "key", ...NAMED, "share"], rows);
}
