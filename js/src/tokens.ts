// Shows tokens. A piece is [text, display, kind]; the display makes white space and parts of characters visible.

import { element } from "./ui/dom";

export type PieceKind = "text" | "space" | "bytes" | "special";
export type Piece = [text: string, display: string, kind: PieceKind];

const UNKNOWN: Piece = ["", "?", "special"];

/** The piece of a vocabulary id. */
export function pieceOf(vocab: Readonly<Record<string, Piece>>, id: number): Piece {
  return vocab[String(id)] ?? UNKNOWN;
}

/** A token for a line of plain text, between Unicode isolates: a right-to-left token must not turn the line around. */
export function isolated(display: string): string {
  return `\u2068${display}\u2069`;
}

/** A token as an element of its own direction; its title is the whole token. */
export function token(piece: Piece, attributes: Record<string, string> = {}): HTMLSpanElement {
  const [, display, kind] = piece;
  return element("span", { class: "tb-token", dir: "auto", "data-kind": kind, title: display, ...attributes }, ...parts(piece));
}

/** Signs for white space, and codes for invisible characters. Python never writes one of these for the same character. */
const SIGN = /[\u00b7\u21b5\u21e5\u240d\u237d]|\u27e8[0-9A-F]+\u27e9/gu;

/** The display in parts. Signs and codes have a class, so that "·" for a space differs from a real "·". */
function parts([, display, kind]: Piece): (Node | string)[] {
  if (kind === "special" || kind === "bytes") return [display];
  const out: (Node | string)[] = [];
  let at = 0;
  for (const sign of display.matchAll(SIGN)) {
    if (sign.index > at) out.push(display.slice(at, sign.index));
    out.push(element("span", { class: "tb-sign" }, sign[0]));
    at = sign.index + sign[0].length;
  }
  return at < display.length ? [...out, display.slice(at)] : out;
}
