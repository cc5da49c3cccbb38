// The lengths of the axes of a saved page, from its widgets and its stored answers.

import type { Steps } from "../selection";
import type { ModelCard } from "../trace";
import type { SavedPage } from "./page";

/** Null if the page does not contain it. */
export interface Bounds {
  trace: Steps | null;
  layers: number | null;
  heads: number | null;
}

interface Tree extends Partial<Steps> {
  model?: ModelCard;
  probs?: { coords?: { layer?: number[] } };
}

export function boundsOf(page: SavedPage): Bounds {
  const trees = Object.values(page.widgets).map(({ state }) => (state._data ?? {}) as Tree);
  const answers = Object.values(page.baked) as Tree[];
  const trace = trees.find(({ prompt_length, steps }) => prompt_length !== undefined && steps !== undefined);
  const card = trees.find(({ model }) => model)?.model;
  const rows = answers.flatMap((tree) => tree?.probs?.coords?.layer ?? []);
  const seen = rows.length > 0 ? Math.max(...rows) + 1 : null;
  return { trace: (trace as Steps | undefined) ?? null, layers: card?.layers ?? seen, heads: card?.heads ?? null };
}

/** Whether a field of the selection can have this value in this page. */
export function fits(field: string, value: number, { trace, layers, heads }: Bounds): boolean {
  const within = (end: number | null | undefined, start = 0) => value >= start && value < (end ?? Number.POSITIVE_INFINITY);
  if (field === "step") return within(trace?.steps);
  if (field === "layer") return within(layers, -1);
  if (field === "head") return within(heads);
  if (["token", "query", "key"].includes(field)) return within(trace && trace.prompt_length + trace.steps);
  return within(null);
}
