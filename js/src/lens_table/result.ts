// The logit lens after decoding: the lens tree of docs/wire.md.

import type { Check } from "../checks";
import type { Piece } from "../tokens";
import type { LabeledArray } from "../wire";

export interface Lens {
  kind: "lens_table";
  traces: string[];
  /** [layer, token, rank], best first. */
  token_ids: LabeledArray;
  probs: LabeledArray;
  /** [layer, token], nats. */
  entropy: LabeledArray;
  /** [layer, token], nats: KL(last layer || this layer). */
  kl: LabeledArray;
  /** [layer, token, rank]: the probability at each layer of the token that has this rank in the last layer. */
  final_probs: LabeledArray;
  /** [layer, token]: the probability at each layer of the token that follows in the text. */
  realised: LabeledArray;
  /** [layer, token, watched]; the coordinates of `watched` are token ids. */
  watched: LabeledArray | null;
  vocab: Record<string, Piece>;
  checks: Check[];
  method: string;
  code: string;
  cost: number;
  /** For each step, the layer from which on the generated token is the top choice; null if there is none. */
  answer_layers: (number | null)[];
}
