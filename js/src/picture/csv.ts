// Exact numbers as comma-separated text (RFC 4180). Header names are axis names, so that the table reads like the array.
// Text is the exact text, as `to_pandas()` has it, with the quotation marks that CSV itself needs: two tables are joined by it.
// A spreadsheet may take a text that starts with = for a formula; docs/decisions says why that is not guarded against.

/** In place of a coordinate where a number is the mean over that axis: a word of ours, so it stands without quotation marks. */
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
