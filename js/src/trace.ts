// A trace after decoding: the trace tree of docs/wire.md.

import type { Check } from "./checks";
import type { Parts } from "./parts";
import type { Steps } from "./selection";
import type { Piece } from "./tokens";
import type { LabeledArray } from "./wire";

export interface ModelCard {
  name: string;
  layers: number | null;
  heads: number | null;
  dtype: string;
  device: string;
}

/** The part of a trace that a view of positions needs. */
export interface Text extends Steps {
  pieces: Piece[];
  ids: LabeledArray;
}

/** The columns that name a token in every table, as in Python: its id, and its exact text. */
export const NAMED = ["token_id", "text"] as const;

export function named(text: Text, position: number): [id: number, text: string] {
  return [text.ids.at({ token: position }), text.pieces[position]?.[0] ?? ""];
}

export interface Segment {
  role: string;
  start: number;
  stop: number;
}

export interface Trace extends Text {
  kind: "trace";
  hash: string;
  /** The beginning of the text. */
  title: string;
  model: ModelCard;
  segments: Segment[];
  /** For each step, the probability of the chosen token. */
  probs: LabeledArray;
  /** For each step, the rank of the chosen token; -1 if it is past the recorded ranks. */
  ranks: LabeledArray;
  /** For each step, the entropy in nats. */
  entropy: LabeledArray;
  candidates: { ids: LabeledArray; probs: LabeledArray };
  vocab: Record<string, Piece>;
  /** For each step, its question, and the sentence of the record about it. */
  questions: Parts[];
  said: Parts[];
  checks: Check[];
  provenance: { settings?: Record<string, unknown> };
  code: string;
}
