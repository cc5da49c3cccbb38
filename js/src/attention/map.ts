// The large map of one head: query x key, with a column for the sinks.

import { palette } from "../maps/paint";
import type { CellSheet } from "../maps/sheet";
import { sheet } from "../maps/sheet";
import type { Tint } from "../maps/tint";
import { rowStart } from "../maps/triangle";
import type { Piece } from "../tokens";
import { token } from "../tokens";
import type { Text } from "../trace";

const LABEL = 112;
const [LEAST, WIDEST_CELL] = [140, 34];
/** The size of all cells together, where other parts stand beside them. */
export const LARGEST = 460;
/** The width of the row labels and of the column for the sinks. */
export const AROUND = LABEL + 40;

export interface HeadMap extends Omit<CellSheet, "paint" | "layOut"> {
  paint(what: Painted): void;
  /** `most` is the largest size of all cells together. */
  layOut(room: number, most: number): void;
}

interface Painted {
  /** The weights row by row: for each query the keys up to itself. */
  weights: Float32Array;
  /** The sink weight of each query; null if the model has no sinks. */
  sink: Float32Array | null;
  tint: Tint;
  dark: boolean;
}

export interface MapSpec {
  text: Text;
  sinks: boolean;
  describe: (query: number, key: number) => string;
  onCell: (query: number, key: number | null) => void;
  /** Called with the cell under the pointer or with the focus; null when there is none. */
  onPoint: (cell: { query: number; key: number } | null) => void;
}

export function headMap({ text, sinks, describe, onCell, onPoint }: MapSpec, signal: AbortSignal): HeadMap {
  const length = text.pieces.length;
  let largest = LARGEST;
  const cells = sheet(
    {
      label: "Queries (down) and keys (across)",
      axis: "query",
      rows: Array.from({ length }, (_, query) => query),
      rowName: (query) => token(text.pieces[query] as Piece, { title: "" }),
      pieces: text.pieces,
      labelWidth: LABEL,
      cellSize: (room) => {
        const widest = (WIDEST_CELL * largest) / LARGEST;
        const size = Math.min(widest, Math.max(LEAST, Math.min(largest, room)) / Math.max(1, length));
        return { width: size, height: size };
      },
      own: sinks ? "sink" : null,
      reach: (query) => query,
      describe,
      onCell,
      onRow: (query) => onCell(query, null),
      onPoint: (cell) => onPoint(cell && { query: cell.row, key: cell.key }),
    },
    signal,
  );
  let shown: Painted | null = null;
  return {
    ...cells,
    layOut: (room, most) => {
      largest = most;
      cells.layOut(room);
    },
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
