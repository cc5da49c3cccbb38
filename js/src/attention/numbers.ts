// The CSV of the view: the row of the query, one line for each key. Each weight has its bounds, and the sink of the row if the
// model has sinks.

import { csv, MEAN } from "../picture/csv";
import type { Text } from "../trace";
import { NAMED, named } from "../trace";
import type { HeadSlice } from "./slice";
import { isExact, rangeOf, rowOf } from "./slice";

/** The columns of `to_pandas()`, then how a weight is known. */
const HEADER = ["layer", "head", "query", "key", ...NAMED, "weight"];
const KNOWN = ["exact", "least", "most"];

/** A mean over layers or heads has the word "mean" as its layer or head. `exact` is 1 if the weight is not one of the levels. */
export function numbers(slice: HeadSlice, text: Text, query: number): string {
  const sink = slice.sink ? [short(slice.sink[query] ?? 0)] : [];
  const lines = Array.from(rowOf(slice, query), (weight, key) => {
    const where = [slice.layer ?? MEAN, slice.head ?? MEAN, query, key, ...named(text, key)];
    return [...where, short(weight), ...sink, Number(isExact(slice, query, key)), ...rangeOf(slice, query, key).map(short)];
  });
  return csv([...HEADER, ...sink.map(() => "sink"), ...KNOWN], lines);
}

function short(value: number): number {
  return Number(value.toPrecision(6));
}
