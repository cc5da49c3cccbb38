// The selection that all views share: a trace, a step, a token, a layer, ... Twin of tracebench/widgets/selection.py.
// Fields hold coordinates; null means "all". Views write where the user points and never talk to each other.

import { callEach } from "./listeners";

export interface Fields {
  /** Index of the trace in the bench; null where it has none. */
  trace: number | null;
  step: number | null;
  /** A position, or a half-open range of positions: [start, stop]. */
  token: number | [number, number] | null;
  /** -1 is the embedding; 0 to L-1 are the blocks. */
  layer: number | null;
  head: number | null;
  query: number | null;
  key: number | null;
  rank: number | null;
  site: string | null;
  sample: number | null;
}

export interface State {
  seq: number;
  fields: Fields;
}

/** The numbers that turn a step into a position. */
export interface Steps {
  prompt_length: number;
  steps: number;
}

/** The sizes of the axes of a trace. If the model does not say, `layers` is null and `heads` is null or 0. */
export interface Limits extends Steps {
  model?: { layers: number | null; heads: number | null };
}

/** The part of a widget model that the selection lives on. */
export interface SelectionModel {
  get(name: "_state"): State | undefined;
  set(name: "_state", state: State): void;
  save_changes(): void;
  send(message: unknown): void;
  on(event: "change:_state", callback: () => void): void;
  off(event: "change:_state", callback: () => void): void;
}

const NOTHING: Fields = {
  trace: null,
  step: null,
  token: null,
  layer: null,
  head: null,
  query: null,
  key: null,
  rank: null,
  site: null,
  sample: null,
};

export class Selection {
  #state: State = { seq: 0, fields: NOTHING };
  readonly #model: SelectionModel;
  readonly #untold: State[] = [];
  readonly #listeners = new Set<(fields: Fields) => void>();

  constructor(model: SelectionModel, signal?: AbortSignal) {
    this.#model = model;
    const follow = () => this.#follow();
    model.on("change:_state", follow);
    signal?.addEventListener("abort", () => model.off("change:_state", follow));
    this.#follow();
  }

  get fields(): Readonly<Fields> {
    return this.#state.fields;
  }

  /** Changes some fields at once. */
  set(change: Partial<Fields>): void {
    const state = { seq: this.#state.seq + 1, fields: { ...this.#state.fields, ...change } };
    this.#state = state;
    // Send it as a trait and as a message: hosts hold traits back while a cell runs, but not messages. Send before calling
    // listeners, because a listener may change more. A host throws when its kernel is gone; the bench must stay usable.
    try {
      this.#model.set("_state", state);
      this.#model.save_changes();
      this.#model.send({ kind: "select", ...state });
    } catch (error) {
      console.warn("tracebench: the selection could not be sent to the kernel.", error);
    }
    this.#tell(state);
  }

  /** Calls back at every change, from here or from the kernel, until the signal aborts. */
  on(callback: (fields: Readonly<Fields>) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(callback);
    signal.addEventListener("abort", () => this.#listeners.delete(callback));
  }

  // The state with the larger number is newer, on both sides.
  #follow(): void {
    const state = this.#model.get("_state");
    if (!state?.fields || state.seq <= this.#state.seq) return;
    this.#state = { ...state, fields: { ...NOTHING, ...state.fields } };
    this.#tell(this.#state);
  }

  // A change by a listener waits until all listeners have the change before it, so that all get the same changes in order.
  #tell(state: State): void {
    this.#untold.push(state);
    if (this.#untold.length > 1) return;
    for (let next = this.#untold[0]; next; next = this.#untold[0]) {
      const { fields } = next;
      // Skip a listener that an earlier listener has removed.
      callEach(
        [...this.#listeners].map((each) => () => this.#listeners.has(each) && each(fields)),
        undefined,
      );
      this.#untold.shift();
    }
  }
}

/** The position that predicts the token of a step. No other code in the browser turns steps into positions. */
export function position(trace: Pick<Steps, "prompt_length">, step: number): number {
  return trace.prompt_length + step - 1;
}

/** The index of the token that a step generated. */
export function tokenOf(trace: Steps, step: number): number {
  return position(trace, step) + 1;
}

/** The step that a position predicts; null if no generated token follows it. */
export function stepAt(trace: Steps, query: number): number | null {
  const step = query - position(trace, 0);
  return step >= 0 && step < trace.steps ? step : null;
}

/** The selected query if it does not predict the selected step, else null. */
export function readElsewhere(trace: Steps, { step, query }: Pick<Fields, "step" | "query">): number | null {
  return query === null || (trace.steps > 0 && query === position(trace, step ?? 0)) ? null : query;
}

/**
 * The fields for another selected trace. Values that exist there stay; else the step becomes 0 and other fields null.
 * The query follows the step. Twin of `on_trace` in tracebench/widgets/selection.py.
 */
export function onTrace<Before extends Partial<Fields>>(fields: Before, index: number, trace: Limits) {
  const tokens = trace.prompt_length + trace.steps;
  const { layers, heads } = trace.model ?? { layers: null, heads: null };
  const { step = null, token = null, key = null, layer = null, head = null } = fields;
  const last = Array.isArray(token) ? token[1] - 1 : token;
  const stays = step !== null && step < trace.steps ? step : trace.steps > 0 ? 0 : null;
  return {
    ...fields,
    trace: index,
    step: stays,
    query: stays === null ? null : position(trace, stays),
    token: last !== null && last < tokens ? token : null,
    key: key !== null && key < tokens ? key : null,
    layer: layer !== null && layers !== null && layer >= layers ? null : layer,
    head: head !== null && heads && head >= heads ? null : head,
  };
}

/** Selects another trace of the bench. */
export function selectTrace(selection: Selection, traces: readonly Limits[], index: number): void {
  const trace = traces[index];
  if (trace) selection.set(onTrace(selection.fields, index, trace));
}

/** Selects a step, and no token. */
export function selectStep(selection: Selection, trace: Steps, step: number): void {
  selection.set({ step, token: null, query: position(trace, step) });
}

/** Selects a token of the text: a generated token with its step, a prompt token as its own query. */
export function selectToken(selection: Selection, trace: Steps, token: number): void {
  const step = stepAt(trace, token - 1);
  if (step === null) selection.set({ token, query: token });
  else selection.set({ step, token, query: position(trace, step) });
}

/** Selects a cell of the lens: its layer and its query, with the step that it predicts, else with the token at the position. */
export function selectLensCell(selection: Selection, trace: Steps, layer: number | null, query: number): void {
  const step = stepAt(trace, query);
  selection.set({ layer, query, ...(step === null ? { token: query } : { step, token: null }) });
}
