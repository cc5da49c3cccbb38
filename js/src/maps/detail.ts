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
  /** "0.23 of the attention of layer 17, head 4" */
  words: string;
  /** Words before the position: why it is named, if the reader has not chosen it. */
  lead: string;
}

export interface Detail {
  el: HTMLElement;
  tell(about: About): void;
}

export function detailLine(text: Text): Detail {
  const el = element("p", { class: "tb-detail", "aria-live": "polite" });
  const draw = ifChanged((query: number, key: number, words: string, lead: string) => {
    const piece = text.pieces[key];
    if (key > query || !piece) el.replaceChildren(`position ${key} comes after position ${query}`);
    else el.replaceChildren(`${lead}position ${key} `, token(piece as Piece, { title: "" }), `: ${words}`);
  });
  return { el, tell: ({ query, key, words, lead }) => draw(query, key, words, lead) };
}

/** The selected key if the row reaches it, else the key with the largest weight; `chose` says which. */
export function spokenOf(picked: number | null, row: Float32Array, query: number, without: boolean) {
  const chose = picked !== null && picked <= query;
  return { key: chose ? picked : largestOf(row, without && query > 0 ? 1 : 0), chose };
}
