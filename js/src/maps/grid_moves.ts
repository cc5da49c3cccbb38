// Moves in a table: the cell that a key leads to, and how far the table scrolls to show it.

import { isBare } from "../ui/keys";

export interface Spot {
  row: number;
  token: number;
}

/** The cell that a key leads to, within the table; null if the key leads nowhere. */
export function cellAfter(event: KeyboardEvent, { row, token }: Spot, size: { rows: number; tokens: number }): Spot | null {
  const last = { row: size.rows - 1, token: size.tokens - 1 };
  const corner = isCorner(event);
  const to = {
    ArrowLeft: { row, token: token - 1 },
    ArrowRight: { row, token: token + 1 },
    ArrowUp: { row: row - 1, token },
    ArrowDown: { row: row + 1, token },
    Home: { row: corner ? 0 : row, token: 0 },
    End: { row: corner ? last.row : row, token: last.token },
    PageUp: { row: 0, token },
    PageDown: { row: last.row, token },
  }[event.key];
  if (!to || !(isBare(event) || corner)) return null;
  return { row: Math.min(last.row, Math.max(0, to.row)), token: Math.min(last.token, Math.max(0, to.token)) };
}

/** Ctrl + Home and Ctrl + End go to the corners of the table. */
function isCorner({ key, ctrlKey, shiftKey, altKey, metaKey }: KeyboardEvent): boolean {
  return (key === "Home" || key === "End") && ctrlKey && !shiftKey && !altKey && !metaKey;
}

/** Where to scroll to show [at, at + size]: no scrolling if visible, a little if just outside, else to the middle. */
export function revealed(scroll: number, at: number, size: number, room: number): number {
  if (at >= scroll && at + size <= scroll + room) return scroll;
  if (at < scroll && at >= scroll - size) return at;
  if (at + size > scroll + room && at <= scroll + room) return at + size - room;
  return at - Math.floor((room - size) / 2 / size) * size;
}
