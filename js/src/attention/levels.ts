// Unpacks the compact form of a causal map: 16 levels, the largest weights of each row exact, and the sum of the others.
// Twin of tracebench/widgets/levels.py; tests/fixtures/attention.json proves that they agree.

/** The number of the last level: level n is the weight (n / 15) ** 2. */
export const STEPS = 15;

/** Cells are stored column by column, each from its own query on. A byte holds several; the last symbol means an exact cell. */
export interface Compact {
  base: number;
  cells: Uint8Array;
  exact: Float32Array;
}

export interface Triangle {
  /** The weights row by row: for each query the keys up to itself. */
  weights: Float32Array;
  /** 1 where a weight is exact. */
  exact: Uint8Array;
}

export function triangleOf({ base, cells, exact }: Compact, length: number): Triangle {
  const size = (length * (length + 1)) / 2;
  const symbols = symbolsOf(cells, base, size);
  const found = { weights: new Float32Array(size), exact: new Uint8Array(size) };
  const { weights, exact: isExact } = found;
  const levels = Float32Array.from({ length: base }, (_, level) => (level / STEPS) ** 2);
  const last = base - 1;
  let [cell, taken] = [0, 0];
  for (let key = 0; key < length; key++) {
    // Down a column: the cell below (query, key) is query + 1 places later.
    let at = (key * (key + 1)) / 2 + key;
    for (let query = key; query < length; at += ++query, cell++) {
      const symbol = symbols[cell] as number;
      if (symbol === last) {
        weights[at] = exact[taken++] as number;
        isExact[at] = 1;
        // A new map is all zero, so skip the zeros: most cells are.
      } else if (symbol !== 0) weights[at] = levels[symbol] as number;
    }
  }
  if (taken !== exact.length) throw new Error(`the slice has ${exact.length} exact weights for ${taken} cells`);
  return found;
}

function symbolsOf(cells: Uint8Array, base: number, size: number): Uint8Array {
  let each = 1;
  while (base ** (each + 1) <= 256) each++;
  const symbols = new Uint8Array(cells.length * each);
  if (symbols.length < size) throw new Error(`the slice has ${symbols.length} cells instead of ${size}`);
  for (let i = 0; i < cells.length; i++) {
    let left = cells[i] as number;
    const first = i * each;
    for (let at = first + each - 1; left > 0 && at >= first; at--) {
      symbols[at] = left % base;
      left = (left / base) | 0;
    }
  }
  return symbols;
}
