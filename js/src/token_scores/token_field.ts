// A token in a text field: the reader writes it as it is shown, as exact text, or as an id.

import type { Target } from "../requests/target";
import type { Piece } from "../tokens";
import type { Text } from "../trace";

export type Token = Target["token"];

/** The tokens known without a tokenizer: those of the text, and the alternatives at its steps. */
export interface Known extends Text {
  vocab?: Record<string, Piece>;
}

/** A token as it is shown, if it is known. */
export function shown(known: Known, token: Token): string {
  if (token === null) return "";
  return typeof token === "number" ? (pieces(known).get(token)?.[1] ?? String(token)) : visible(token);
}

/** The id of the token that was written if it is known, else its exact text. */
export function idOrText(known: Known, written: string): Token {
  if (written === "") return null;
  const all = [...pieces(known)];
  // Compare the shown form first. A typed dot is a space, unless a token is shown with just this dot.
  const found = all.find(([, piece]) => piece[1] === written) ?? all.find(([, piece]) => isText(piece) && piece[0] === written);
  return found?.[0] ?? written.replaceAll("·", " ").replaceAll("↵", "\n").replaceAll("⇥", "\t");
}

/** The tokens of a part of the text, as shown; none if the part begins or ends inside a token. */
export function madeOf({ pieces: own }: Known, exact: string): string[] {
  for (const first of own.keys()) {
    let text = "";
    for (let last = first; last < own.length && text.length < exact.length && exact.startsWith(text); last++) {
      text += own[last]?.[0];
      if (text === exact) return own.slice(first, last + 1).map(([, display]) => display);
    }
  }
  return [];
}

/** A token of the text that contains this, as shown. */
export function partOf({ pieces: own }: Known, exact: string): string | null {
  return exact === "" ? null : (own.find(([text]) => text.includes(exact))?.[1] ?? null);
}

function pieces({ vocab = {}, ids, pieces: own }: Known): Map<number, Piece> {
  const inText = ids ? own.map((piece, token): [number, Piece] => [ids.at({ token }), piece]) : [];
  return new Map([...inText, ...Object.entries(vocab).map(([id, piece]): [number, Piece] => [Number(id), piece])]);
}

function isText([, , kind]: Piece): boolean {
  return kind === "text" || kind === "space";
}

export function visible(text: string): string {
  return text.replaceAll(" ", "·").replaceAll("\n", "↵").replaceAll("\t", "⇥");
}
