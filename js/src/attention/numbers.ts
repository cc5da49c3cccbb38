// The numbers of the view: the row of the current query, one line per key; with the row's sink where there are sinks.

import type { Attention, Whose } from "../attention";
import { rowOf, sinkOf } from "../attention";
import { csv } from "../csv";
import type { Text } from "../trace";

/** A mean has no layer or head: those cells are empty. */
export function numbers(attention: Attention, text: Text, whose: Whose, query: number): string {
  const row = rowOf(attention, whose, query);
  const sink = sinkOf(attention, whose, query);
  const apart = sink === null ? [] : [exact(sink)];
  const keys = Array.from({ length: query + 1 }, (_, key) => key);
  return csv(
    ["layer", "head", "query", "key", "text", "weight", ...apart.map(() => "sink")],
    keys.map((key) => [whose.layer, whose.head, query, key, text.pieces[key]?.[1] ?? "", exact(row[key] ?? 0), ...apart]),
  );
}

function exact(weight: number): number {
  return Number(weight.toPrecision(6));
}
