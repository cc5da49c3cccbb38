// The line above the table: it explains the cells, and the signs that occur in them.

import type { Piece } from "../tokens";
import type { Text } from "../trace";
import type { Lens } from "./result";

/** Each sign with its meaning in a token whose own text does not contain the sign. */
const SIGNS = [
  ["·", "a space"],
  ["↵", "a line break"],
  ["⇥", "a tab"],
  ["⍽", "a no-break space"],
] as const;

export function explanation(lens: Lens, text: Text): string {
  const pieces = [...text.pieces, ...Object.values(lens.vocab)];
  const signs = SIGNS.filter(([sign]) => pieces.some((piece) => standsIn(sign, piece))).map((pair) => pair.join(" is "));
  const part = pieces.find(([, , kind]) => kind === "bytes")?.[1].match(/⟨[0-9A-F ]+⟩/)?.[0];
  if (part) signs.push(`${part} is bytes of a character`);
  if (lens.probs.numbers("layer").includes(-1)) signs.push("embed is the embedding, before any layer");
  const cell = "Each cell: the next token the model would say if it stopped after that layer.";
  const column = "Columns are positions of the text, with the token there.";
  return [cell, column, signs.length > 0 && `${signs.join(", ")}.`].filter(Boolean).join(" ");
}

function standsIn(sign: string, [exact, display]: Piece): boolean {
  return display.includes(sign) && !exact.includes(sign);
}
