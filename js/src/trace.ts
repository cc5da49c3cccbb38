// The trace tree of docs/wire.md, after decoding.

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

/** The text of a trace: what a view of positions needs. */
export interface Text extends Steps {
  pieces: Piece[];
  ids: LabeledArray;
}

/** How every table names the token at a position, as the tables of Python do: `token_id` and `text` (exact). */
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
  /** Of the chosen token, per step. */
  probs: LabeledArray;
  /** Of the chosen token, per step; -1 past the recorded ranks. */
  ranks: LabeledArray;
  /** Nats, per step. */
  entropy: LabeledArray;
  candidates: { ids: LabeledArray; probs: LabeledArray };
  vocab: Record<string, Piece>;
  /** Per step: the question that the step is, and what the record says about it. */
  questions: Parts[];
  said: Parts[];
  checks: Check[];
  provenance: { settings?: Record<string, unknown> };
  code: string;
}
