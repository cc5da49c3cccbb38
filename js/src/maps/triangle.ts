// A causal map of query x key: a query has weights for the keys up to itself, so each row is one longer than the row before.

/** The index of a query's first weight, for weights that are stored row by row. */
export function rowStart(query: number): number {
  return (query * (query + 1)) / 2;
}
