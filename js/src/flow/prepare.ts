// Prepares a rollout to be shown: its source of slices, and the slice that the selection points at.

import { queryIn } from "../maps/read";
import type { AskOptions } from "../requests/ask";
import { isAbsent } from "../requests/ask";
import type { Asker } from "../requests/cache";
import type { Request } from "../requests/request";
import type { Selection } from "../selection";
import type { Source } from "../slices/source";
import { source } from "../slices/source";
import type { Text } from "../trace";
import type { Arrived, Reading, Rollout } from "./result";
import { arrivedOf } from "./result";

export interface PreparedRollout {
  rollout: Rollout;
  slices: Source<Reading, Arrived>;
  /** Null if a saved page lacks this slice: it may have others. */
  first: Arrived | null;
}

export function slicesOf(rollout: Rollout, request: Request, answers: Asker): Source<Reading, Arrived> {
  return source({
    request,
    answers,
    coords: ({ query }) => ({ query }),
    open: (tree) => arrivedOf(tree, rollout),
    size: ({ query }) => (query + 1) * rollout.layers.length,
  });
}

export async function prepareRollout(
  rollout: Rollout,
  slices: Source<Reading, Arrived>,
  text: Text,
  selection: Selection,
  options: AskOptions,
): Promise<PreparedRollout> {
  if (rollout.length !== text.pieces.length) {
    throw new Error(`The rollout has ${rollout.length} tokens, but the text has ${text.pieces.length}.`);
  }
  try {
    return { rollout, slices, first: await slices.get({ query: queryIn(text, selection.fields) }, options) };
  } catch (error) {
    if (!isAbsent(error)) throw error;
    return { rollout, slices, first: null };
  }
}
