// The CSV of a rollout: one line for each input token, with its share of one position after every layer, and the bounds of
// the share before packing.

import { csv } from "../picture/csv";
import type { Text } from "../trace";
import { NAMED, named } from "../trace";
import { BYTE, rootRange } from "../wire";
import type { Arrived } from "./result";
import { sharesIn } from "./result";

export function numbers(arrived: Arrived, text: Text): string {
  const rows = arrived.layers.flatMap((layer) =>
    [...sharesIn(arrived, layer)].map((share, key) => [
      layer,
      arrived.query,
      key,
      ...named(text, key),
      ...[share, ...rootRange(share, 0.5 / BYTE)].map((value) => Number(value.toPrecision(6))),
    ]),
  );
  return csv(["layer", "query", "key", ...NAMED, "share", "least", "most"], rows);
}
