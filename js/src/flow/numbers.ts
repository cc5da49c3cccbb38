// The CSV of a rollout: one line for each input token, with its share of one position after every layer.

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
