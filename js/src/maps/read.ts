// The position whose row is shown (the query), and what a click on a position selects.

import type { Fields, Selection } from "../selection";
import { position, stepAt } from "../selection";
import type { Text } from "../trace";

/** The query: the selected one, else the position that predicts the step, else the last position. */
export function queryIn(text: Text, { query, step }: Readonly<Fields>): number {
  const last = text.pieces.length - 1;
  const asked = query ?? (text.steps > 0 ? position(text, step ?? 0) : last);
  return Math.min(last, Math.max(0, asked));
}

/** Selects a key, also as a token, so that other views mark it. The query and the step stay. */
export function selectKey(selection: Selection, key: number, layer?: number): void {
  selection.set({ ...(layer === undefined ? {} : { layer }), key, token: key });
}

/** Selects a cell of a map: its key, and its query with the step or token that a cell of the lens selects. */
export function selectCell(selection: Selection, text: Text, query: number, key: number | null): void {
  const step = stepAt(text, query);
  selection.set({ query, ...(key === null ? {} : { key }), ...(step === null ? { token: query } : { step, token: null }) });
}
