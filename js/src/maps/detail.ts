// The line about one position: the one under the pointer, else the selected one, else the one with the largest weight.

import type { Piece } from "../tokens";
import { token } from "../tokens";
import type { Text } from "../trace";
import { element } from "../ui/dom";
import { ifChanged } from "../ui/unchanged";
import { largestOf } from "./tint";

export interface About {
  query: number;
  key: number;
  /** The number with its place: "0.23, layer 17, head 4". */
  words: string;
  /** Whether the position is named because it has the largest number of the row; else the reader has chosen it. */
  isLargest: boolean;
}

export interface Detail {
  el: HTMLElement;
  tell(about: About): void;
}

/** `noun` is the name of the numbers: "weight". */
export function detailLine(text: Text, noun: string): Detail {
  const el = element("p", { class: "tb-detail", "aria-live": "polite" });
  const draw = ifChanged((query: number, key: number, words: string, isLargest: boolean) => {
    const piece = text.pieces[key];
    if (key > query || !piece) el.replaceChildren(`position ${key} comes after position ${query}`);
    else {
      const rest = isLargest ? `, ${words}` : `: ${noun} ${words}`;
      el.replaceChildren(isLargest ? `largest ${noun}: ` : "", token(piece as Piece, { title: "" }), ` (position ${key})${rest}`);
    }
  });
  return { el, tell: ({ query, key, words, isLargest }) => draw(query, key, words, isLargest) };
}

/** The selected key if the row reaches it, else the key with the largest weight; `chose` says which. */
export function spokenOf(picked: number | null, row: Float32Array, query: number, skipFirst: boolean) {
  const chose = picked !== null && picked <= query;
  return { key: chose ? picked : largestOf(row, skipFirst && query > 0 ? 1 : 0), chose };
}
