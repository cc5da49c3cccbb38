// How numbers are written: short, tabular, and never a false zero.

/** A probability with three digits behind the point, or its power of ten where these would be zeros. */
export function probability(p: number): string {
  if (Number.isNaN(p)) return "–";
  return p >= 0.0005 || p === 0 ? p.toFixed(3) : p.toExponential(0).replace("e-", "e−");
}

/** A share in percent. */
export function percent(p: number): string {
  if (Number.isNaN(p)) return "–";
  if (p > 0 && p < 0.0005) return "<0.1%";
  return `${(100 * p).toFixed(1)}%`;
}

export function nats(x: number): string {
  return Number.isNaN(x) ? "–" : x.toFixed(2);
}

/** Any number with three significant digits. */
export function short(x: number | null): string {
  if (x === null || Number.isNaN(x)) return "unknown";
  if (x === 0) return "0";
  return Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5 ? x.toExponential(1) : String(Number(x.toPrecision(3)));
}

export function size(bytes: number): string {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}

/** A layer as the lens names its rows. */
export function layerName(layer: number): string {
  return layer < 0 ? "embed" : String(layer);
}
