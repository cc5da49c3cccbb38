// The headless widget of one trace. The bench and all views share it, so a trace is sent and decoded once.
// Twin of tracebench/widgets/trace_data.py.

import type { Trace } from "./trace";
import { decode } from "./wire";

/** The part of a widget model that a trace lives on. */
export interface TraceModel {
  get(name: "_data"): unknown;
}

export default {
  initialize({ model }: { model: TraceModel }): { trace: Trace } {
    return { trace: decode(model.get("_data")) as Trace };
  },
};
