// The tokens with a line over the layers: the best of the last layer, the token that follows in the text, and watched tokens.

import type { Piece } from "../tokens";
import { pieceOf } from "../tokens";
import type { Text } from "../trace";
import type { Lens } from "./result";

export interface Series {
  id: number;
  piece: Piece;
  /** A probability for each layer; the embedding is first. */
  values: number[];
  realised: boolean;
  watched: boolean;
  color: string;
  width: number;
  dash: readonly number[];
}

/** The number of lines for the best of the last layer: more would be a tangle. The CSV has all. */
const TOP = 5;
const WATCHED_COLORS = ["var(--tb-series-2)", "var(--tb-series-3)", "var(--tb-series-4)"];
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2.5], [8, 3, 2, 3], [12, 5]];

export function series(lens: Lens, text: Text, token: number): Series[] {
  const layers = lens.probs.numbers("layer");
  const last = layers.at(-1) ?? 0;
  const found = new Map<number, Series>();
  const add = (id: number, piece: Piece, values: number[], realised: boolean, watched: boolean) => {
    if (values.some(Number.isFinite)) found.set(id, { id, piece, values, realised, watched, color: "", width: 1.5, dash: [] });
  };

  for (const rank of lens.final_probs.numbers("rank").slice(0, TOP)) {
    const id = lens.token_ids.at({ layer: last, token, rank });
    add(
      id,
      pieceOf(lens.vocab, id),
      layers.map((layer) => lens.final_probs.at({ layer, token, rank })),
      false,
      false,
    );
  }
  const next = text.pieces[token + 1];
  const nextId = next && text.ids.at({ token: token + 1 });
  const known = nextId !== undefined && found.get(nextId);
  if (known) known.realised = true;
  else if (next && nextId !== undefined)
    add(
      nextId,
      next,
      layers.map((layer) => lens.realised.at({ layer, token })),
      true,
      false,
    );
  for (const id of lens.watched?.numbers("watched") ?? []) {
    const shown = found.get(id);
    if (shown) shown.watched = true;
    else
      add(
        id,
        pieceOf(lens.vocab, id),
        layers.map((layer) => lens.watched?.at({ layer, token, watched: id }) ?? Number.NaN),
        false,
        true,
      );
  }
  return styled([...found.values()]);
}

/** Colour for the tokens in question, grey for the rest; the dash tells lines of one colour apart. */
function styled(all: Series[]): Series[] {
  let watched = 0;
  let rest = 0;
  return all.map((one) => {
    if (one.realised) return { ...one, color: "var(--tb-series-1)", width: 2.5 };
    if (one.watched) {
      const at = watched++;
      return {
        ...one,
        color: WATCHED_COLORS[at % WATCHED_COLORS.length] ?? "",
        width: 2,
        dash: DASHES[Math.floor(at / WATCHED_COLORS.length) % DASHES.length] ?? [],
      };
    }
    return { ...one, color: "var(--tb-series-rest)", dash: DASHES[rest++ % DASHES.length] ?? [] };
  });
}
