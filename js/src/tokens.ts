// How a token is shown. A piece is [text, display, kind]; its display makes white space and half characters visible.

import { element } from "./ui/dom";

export type PieceKind = "text" | "space" | "bytes" | "special";
export type Piece = [text: string, display: string, kind: PieceKind];

const UNKNOWN: Piece = ["", "?", "special"];

/** The piece of a vocabulary id. */
export function pieceOf(vocab: Readonly<Record<string, Piece>>, id: number): Piece {
  return vocab[String(id)] ?? UNKNOWN;
}

/** A token within a line of plain text, which its direction must not turn around: between Unicode's isolates. */
export function isolated(display: string): string {
  return `\u2068${display}\u2069`;
}

/** A token as an element that right-to-left text and emoji cannot disturb; its title is the whole of it. */
export function token(piece: Piece, attributes: Record<string, string> = {}): HTMLSpanElement {
  const [, display, kind] = piece;
  return element("span", { class: "tb-token", dir: "auto", "data-kind": kind, title: display, ...attributes }, ...parts(piece));
}

/** The display, its signs for white space apart from the same characters as themselves: "·" for a space, and a real dot. */
function parts([exact, display, kind]: Piece): (Node | string)[] {
  const [letters, real] = [Array.from(display), Array.from(exact)];
  if (kind === "special" || kind === "bytes" || letters.length !== real.length) return [display];
  const out: (Node | string)[] = [];
  let plain = "";
  letters.forEach((letter, i) => {
    if (letter === real[i]) {
      plain += letter;
      return;
    }
    if (plain) out.push(plain);
    plain = "";
    out.push(element("span", { class: "tb-sign" }, letter));
  });
  return plain ? [...out, plain] : out;
}
