// The line under the table with one cell in full. It follows the focus and the selection.

import { isolated, pieceOf, token as tokenElement } from "../tokens";
import type { Text } from "../trace";
import { element } from "../ui/dom";
import { nats, probability, theLayer, withP } from "../ui/format";
import type { Lens } from "./result";

export function detail(): { el: HTMLElement; update(lens: Lens, text: Text, layer: number | null, token: number): void } {
  const el = element("p", { class: "tb-detail" });
  return { el, update: (lens, text, layer, token) => el.replaceChildren(...line(lens, text, layer, token)) };
}

function line(lens: Lens, text: Text, layer: number | null, token: number): (Node | string)[] {
  const at = text.pieces[token];
  const where = layer === null ? "after the last layer" : `after ${theLayer(layer)}`;
  const row = layer ?? lens.probs.numbers("layer").at(-1) ?? 0;
  const out: (Node | string)[] = [element("b", {}, where), `, position ${token}`];
  if (at) out.push(" ", tokenElement(at));
  out.push(" predicts ");
  for (const rank of lens.probs.numbers("rank")) {
    if (rank > 0) out.push(", ");
    out.push(tokenElement(pieceOf(lens.vocab, lens.token_ids.at({ layer: row, token, rank }))));
    out.push(` ${probability(lens.probs.at({ layer: row, token, rank }))}`);
  }
  out.push(
    ` · entropy ${nats(lens.entropy.at({ layer: row, token }))} nats · KL to the last layer ${nats(lens.kl.at({ layer: row, token }))} nats`,
  );
  const next = text.pieces[token + 1];
  const p = lens.realised.at({ layer: row, token });
  if (next && !Number.isNaN(p)) out.push(" · came next: ", tokenElement(next), ` ${probability(p)}`);
  return out;
}

/** The same as plain text, for a cell's title. */
export function cellTitle(lens: Lens, layer: number, token: number): string {
  const rank = lens.probs.numbers("rank")[0] ?? 0;
  const [, display] = pieceOf(lens.vocab, lens.token_ids.at({ layer, token, rank }));
  const p = lens.probs.at({ layer, token, rank });
  const numbers = `entropy ${nats(lens.entropy.at({ layer, token }))} nats, KL to the last layer ${nats(lens.kl.at({ layer, token }))} nats`;
  return `${isolated(display)}\n${withP(p)}, ${numbers}\nafter ${theLayer(layer)}, position ${token}`;
}
