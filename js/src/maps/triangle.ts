// A causal map, query x key: each query has weights up to itself, so the rows are longer and longer.

/** Where the row of a query begins among the weights, which stand row by row: its keys go from 0 to the query itself. */
export function rowStart(query: number): number {
  return (query * (query + 1)) / 2;
}
