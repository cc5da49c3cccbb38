// The numbers of the view: the row of the current query, one line per key.

import type { Attention, Whose } from "../attention";
import { rowOf } from "../attention";
import { csv } from "../csv";
import type { Text } from "../trace";

/** A mean has no layer or head: those cells are empty. */
export function numbers(attention: Attention, text: Text, whose: Whose, query: number): string {
  const row = rowOf(attention, whose, query);
  const keys = Array.from({ length: query + 1 }, (_, key) => key);
  return csv(
    ["layer", "head", "query", "key", "text", "weight"],
    keys.map((key) => [whose.layer, whose.head, query, key, text.pieces[key]?.[1] ?? "", Number((row[key] ?? 0).toPrecision(6))]),
  );
}
