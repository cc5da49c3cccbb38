// Exact numbers as comma-separated text (RFC 4180). Header names are axis names, so that the table reads like the array.
// Token text is exact, as in `to_pandas()`, so that tables can be joined by it. It has only the quotation marks that CSV needs.
// A spreadsheet may read a text that starts with = as a formula; docs/decisions says why we do not prevent that.

/** Replaces a coordinate if the number is the mean over that axis. It is no token, so it has no quotation marks. */
export const MEAN = { word: "mean" };

type Cell = string | number | null | typeof MEAN;

export function csv(header: readonly string[], rows: Iterable<readonly Cell[]>): string {
  const lines = [header.map(quoted), ...[...rows].map((row) => row.map(cell))].map((cells) => cells.join(","));
  return `${lines.join("\r\n")}\r\n`;
}

function cell(value: Cell): string {
  if (value === MEAN) return MEAN.word;
  if (typeof value === "string") return quoted(value);
  return value === null || Number.isNaN(value) ? "" : String(value);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
