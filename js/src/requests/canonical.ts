// Canonical JSON, the same text on both sides: no spaces, keys sorted by code point, numbers as String(value) writes them.
// Twin of tracebench/requests/canonical.py, which writes numbers as ECMAScript does.

export function canonical(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new Error(`${value} is no number that JSON can hold.`);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => byCodePoint(a, b));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(",")}}`;
}

// Python sorts by code point, JavaScript by UTF-16 unit; they differ above U+FFFF.
function byCodePoint(a: string, b: string): number {
  const left = Array.from(a, (c) => c.codePointAt(0) ?? 0);
  const right = Array.from(b, (c) => c.codePointAt(0) ?? 0);
  const at = left.findIndex((point, i) => point !== right[i]);
  return at < 0 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1);
}
