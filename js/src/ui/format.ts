// How numbers and layers are written: short, tabular, and never a false zero.

/**
 * A probability, with `digits` digits after the point: "0.702". A small one that would read as 0 becomes "4e−5"; a large one
 * that would read as 1 becomes ">0.999". Only an exact 1 is "1.000", and only an exact 0 is "0".
 */
export function probability(p: number, digits = 3): string {
  if (Number.isNaN(p)) return "–";
  if (p === 0) return "0";
  const written = p.toFixed(digits);
  if (Number(written) === 0) return exponent(p);
  if (p < 1 && Number(written) === 1) return `>${(1 - 10 ** -digits).toFixed(digits)}`;
  return written;
}

/** "p = 0.702", "p > 0.999". */
export function withP(p: number): string {
  const written = probability(p);
  return written.startsWith(">") ? `p > ${written.slice(1)}` : `p = ${written}`;
}

/** A number as a power of ten, with a typographic minus sign: "4e−5". */
export function exponent(x: number, digits = 0): string {
  return x.toExponential(digits).replaceAll("-", "−");
}

/** Entropy or divergence. */
export function nats(x: number): string {
  if (Number.isNaN(x)) return "–";
  if (x !== 0 && Math.abs(x) < 0.005) return "<0.01";
  // An exact zero may be −0.
  return (x === 0 ? 0 : x).toFixed(2);
}

/** A number with three significant digits. */
export function short(x: number | null): string {
  if (x === null || Number.isNaN(x)) return "unknown";
  if (x === 0) return "0";
  return Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5 ? exponent(x, 1) : String(Number(x.toPrecision(3))).replace("-", "−");
}

export function size(bytes: number): string {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}

/** The name of a layer as a row of the lens has it. */
export function layerName(layer: number): string {
  return layer < 0 ? "embed" : String(layer);
}

/** A layer in a sentence: "top choice from the embedding", "after layer 3". */
export function theLayer(layer: number): string {
  return layer < 0 ? "the embedding" : `layer ${layer}`;
}
