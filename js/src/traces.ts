// The traces of a bench, and the selected one. Python may add traces while the bench is displayed, but removes none.

import { callEach } from "./listeners";
import type { Selection } from "./selection";
import type { Trace } from "./trace";

export interface Traces {
  /** The loaded traces, in the order of the bench. */
  readonly all: readonly Trace[];
  /** The index of the selected trace; 0 if the bench has no trace. */
  readonly index: number;
  /** The selected trace; null if the bench has none, undefined while it is loading. */
  readonly selected: Trace | null | undefined;
  /** Calls back when more traces are loaded. */
  on(callback: () => void, signal: AbortSignal): void;
}

/** The part of a widget model that lists the traces. */
export interface TracesModel {
  get(name: string): unknown;
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
}

/** What the selection's widget exports. It has the code that follows the traces, so that the bundles of the views need not. */
export type SharedSelection = Selection & {
  traces(model: TracesModel, open: (reference: string) => Promise<Trace>, signal: AbortSignal): Promise<Traces>;
};

/** Resolves when the present traces are loaded. `open` loads the trace of a reference. */
export async function tracesOf(
  model: TracesModel,
  selection: Selection,
  open: (reference: string) => Promise<Trace>,
  signal: AbortSignal,
): Promise<Traces> {
  const opened = new Map<string, Promise<Trace>>();
  const listeners = new Set<() => void>();
  const references = () => (model.get("_traces") ?? []) as string[];
  let all: Trace[] = [];
  const follow = async () => {
    const loading = references().map((each) => {
      const trace = opened.get(each) ?? open(each);
      opened.set(each, trace);
      return trace;
    });
    const loaded = await Promise.all(loading);
    // A longer list may have loaded first.
    if (signal.aborted || loaded.length <= all.length) return;
    all = loaded;
    callEach(listeners, undefined);
  };
  const grow = () => {
    follow().catch((error: unknown) => console.error("tracebench: a trace could not be read.", error));
  };
  model.on("change:_traces", grow);
  signal.addEventListener("abort", () => model.off("change:_traces", grow));
  await follow();
  const index = () => selection.fields.trace ?? 0;
  return {
    get all() {
      return all;
    },
    get index() {
      return index();
    },
    get selected() {
      return references().length === 0 ? null : all[index()];
    },
    on: (callback, until) => {
      listeners.add(callback);
      until.addEventListener("abort", () => listeners.delete(callback));
    },
  };
}
