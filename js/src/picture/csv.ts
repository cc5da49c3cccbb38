// Exact numbers as comma-separated text. Header names are axis names, so that the table reads like the array.
// Text comes from prompts and vocabularies, and a spreadsheet would run a cell that starts with = + - @ as a formula: it is
// written as a JSON string, whose first sign is a quotation mark. `json.loads` gives the exact text back, white space too.

/** In place of a coordinate where a number is the mean over that axis: a word of ours, so it stands without quotation marks. */
export const MEAN = { word: "mean" };

type Cell = string | number | null | typeof MEAN;

export function csv(header: readonly string[], rows: Iterable<readonly Cell[]>): string {
  const lines = [header.map(quoted), ...[...rows].map((row) => row.map(cell))].map((cells) => cells.join(","));
  return `${lines.join("\r\n")}\r\n`;
}

function cell(value: Cell): string {
  if (value === MEAN) return MEAN.word;
  if (typeof value === "string") return quoted(JSON.stringify(value));
  return value === null || Number.isNaN(value) ? "" : String(value);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
