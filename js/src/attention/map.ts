// One head large: query x key, and the sinks apart.

import { rowStart } from "../attention";
import type { Piece } from "../tokens";
import { token } from "../tokens";
import type { Text } from "../trace";
import { palette } from "./paint";
import type { CellSheet } from "./sheet";
import { sheet } from "./sheet";
import type { Tint } from "./tint";

const LABEL = 112;
const [LARGEST, LEAST, WIDEST_CELL] = [460, 140, 34];
/** With the column of the sinks. */
export const WIDEST_MAP = LABEL + LARGEST + 40;

export interface HeadMap extends Omit<CellSheet, "paint"> {
  paint(what: Painted): void;
}

interface Painted {
  /** Row by row, up to the query itself. */
  weights: Float32Array;
  /** Per query; null where the model has no sinks. */
  sink: Float32Array | null;
  tint: Tint;
  dark: boolean;
}

export interface MapSpec {
  text: Text;
  sinks: boolean;
  said: (query: number, key: number) => string;
  onCell: (query: number, key: number | null) => void;
  /** The cell under the pointer or the focus; null when it has left. */
  onPoint: (cell: { query: number; key: number } | null) => void;
}

export function headMap({ text, sinks, said, onCell, onPoint }: MapSpec, signal: AbortSignal): HeadMap {
  const length = text.pieces.length;
  const cells = sheet(
    {
      label: "The position that reads (down) and what it looks at (across)",
      axis: "query",
      rows: Array.from({ length }, (_, query) => query),
      rowName: (query) => token(text.pieces[query] as Piece, { title: "" }),
      pieces: text.pieces,
      labelWidth: LABEL,
      cellSize: (room) => {
        const size = Math.min(WIDEST_CELL, Math.max(LEAST, Math.min(LARGEST, room)) / Math.max(1, length));
        return { width: size, height: size };
      },
      own: sinks ? "sink" : null,
      reach: (query) => query,
      said,
      onCell,
      onRow: (query) => onCell(query, null),
      onPoint: (cell) => onPoint(cell && { query: cell.row, key: cell.key }),
    },
    signal,
  );
  let shown: Painted | null = null;
  return {
    ...cells,
    paint: (what) => {
      const { weights, sink, tint, dark } = what;
      const same =
        shown && shown.weights === weights && shown.dark === dark && shown.tint.top === tint.top && shown.tint.from === tint.from;
      shown = what;
      if (same) return;
      const rows = Array.from({ length }, (_, query) => weights.subarray(rowStart(query), rowStart(query + 1)));
      cells.paint({ rows, own: sink, from: tint.from, shades: palette(dark, tint.top) });
    },
  };
}
