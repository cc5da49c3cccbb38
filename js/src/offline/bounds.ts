// The sizes of the axes of a saved page, from its traces and its stored answers.

import type { Limits } from "../selection";
import type { SavedPage } from "./page";

/** The sizes for each trace, in the order of the bench. */
export type Bounds = readonly Limits[];

interface Tree {
  traces?: string[];
  probs?: { coords?: { layer?: number[] } };
}

export function boundsOf({ root, widgets, baked }: SavedPage): Bounds {
  const references = (widgets[root]?.state._traces ?? []) as string[];
  const answers = Object.values(baked) as Tree[];
  return references.flatMap((reference) => {
    const tree = widgets[reference.replace(/^anywidget:/, "")]?.state._data as (Limits & { hash: string }) | undefined;
    if (!tree) return [];
    const { prompt_length, steps, hash, model } = tree;
    const its = answers.filter((answer) => answer?.traces?.includes(hash));
    const rows = its.flatMap((answer) => answer.probs?.coords?.layer ?? []);
    const seen = rows.length > 0 ? Math.max(...rows) + 1 : null;
    return [{ prompt_length, steps, model: { layers: model?.layers ?? seen, heads: model?.heads || null } }];
  });
}

/** Whether a field of the selection can have this value; `trace` is the selected trace, null if there is none. */
export function fits(field: string, value: number, trace: Limits | null): boolean {
  const within = (end: number | null | undefined, start = 0) => value >= start && value < (end ?? Number.POSITIVE_INFINITY);
  if (field === "step") return within(trace?.steps);
  if (field === "layer") return within(trace?.model?.layers, -1);
  if (field === "head") return within(trace?.model?.heads);
  if (["token", "query", "key"].includes(field)) return within(trace && trace.prompt_length + trace.steps);
  return within(null);
}
