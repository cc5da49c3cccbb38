// Which position is read, and what a click on one means.

import type { Fields, Selection } from "../selection";
import { position, stepAt } from "../selection";
import type { Text } from "../trace";

/** The position that is read: the selected one, else where the step is predicted, else the last. */
export function queryIn(text: Text, { query, step }: Readonly<Fields>): number {
  const last = text.pieces.length - 1;
  const asked = query ?? (text.steps > 0 ? position(text, step ?? 0) : last);
  return Math.min(last, Math.max(0, asked));
}

/** A token that is looked at. It is a token too, so other views mark it; the position that reads and the step stay. */
export function selectKey(selection: Selection, key: number, layer?: number): void {
  selection.set({ ...(layer === undefined ? {} : { layer }), key, token: key });
}

/** A cell of a map: the position that reads, with its step or token as in the lens, and the one that it looks at. */
export function selectCell(selection: Selection, text: Text, query: number, key: number | null): void {
  const step = stepAt(text, query);
  selection.set({ query, ...(key === null ? {} : { key }), ...(step === null ? { token: query } : { step, token: null }) });
}
