// Small trees made by hand, and a place to show a view: the offline host with a kernel that the test writes.

import { vi } from "vitest";
import { makeHost } from "../src/offline/afm";
import type { StaticModel } from "../src/offline/model";
import answersModel from "../src/requests/answers_model";
import type { Request } from "../src/requests/request";
import type { State } from "../src/selection";
import selectionModel from "../src/selection_model";
import type { Piece } from "../src/tokens";
import traceModel from "../src/trace_model";

type Dims = Record<string, number | (number | string)[]>;

/** An array as it crosses the wire; a dimension is its length or its coordinates. */
export function packed(values: readonly number[], dims: Dims, dtype: "f4" | "i4" = "f4") {
  const typed = dtype === "f4" ? Float32Array.from(values) : Int32Array.from(values);
  const coords = Object.fromEntries(Object.entries(dims).filter(([, given]) => Array.isArray(given)));
  const shape = Object.values(dims).map((given) => (Array.isArray(given) ? given.length : given));
  return { $array: new DataView(typed.buffer), dtype, shape, dims: Object.keys(dims), coords, encoding: "plain" };
}

export const VOCAB: Record<string, Piece> = {
  0: ["The", "The", "text"],
  1: [" city", "·city", "text"],
  2: [" of", "·of", "text"],
  3: [" Paris", "·Paris", "text"],
  4: ["\n", "↵", "space"],
  5: ["</script>", "</script>", "text"],
  6: ["<|im_end|>", "<|im_end|>", "special"],
  7: ["שלום", "שלום", "text"],
  8: [" Rome", "·Rome", "text"],
};

export const REQUEST: Request = {
  analysis: "LogitLens",
  params: { top: 2, watch: [] },
  traces: ["t"],
  target: null,
  code: "tb.LogitLens(top=2)(lm, trace)",
};

export const CHECK = {
  name: "replay",
  kind: "measure",
  state: "holds",
  value: 1e-6,
  limit: 5e-5,
  unit: "of the range",
  meaning: "It agrees.",
};

/** "The city of | Paris ↵ <|im_end|>": three prompt tokens, three steps. */
export function traceTree(ids: number[] = [0, 1, 2, 3, 4, 6], promptLength = 3, change: object = {}) {
  const steps = ids.length - promptLength;
  const each = Array.from({ length: steps }, (_, step) => step);
  return {
    kind: "trace",
    hash: "t",
    title: "The city of Paris",
    model: { name: "made", layers: 3, heads: 2, dtype: "float32", device: "cpu" },
    prompt_length: promptLength,
    steps,
    ids: packed(ids, { token: ids.length }, "i4"),
    pieces: ids.map((id) => VOCAB[id] as Piece),
    segments: [],
    probs: packed(
      each.map((step) => 0.7 / (step + 1)),
      { step: steps },
    ),
    ranks: packed(
      each.map((step) => (step === 2 ? -1 : step)),
      { step: steps },
      "i4",
    ),
    entropy: packed(
      each.map((step) => 1.5 + step),
      { step: steps },
    ),
    candidates: {
      ids: packed(
        each.flatMap((step) => (step === 1 ? [8, ids[promptLength + step] as number] : [ids[promptLength] as number, 8])),
        { step: steps, rank: 2 },
        "i4",
      ),
      probs: packed(
        each.flatMap(() => [0.7, 0.1]),
        { step: steps, rank: 2 },
      ),
    },
    vocab: VOCAB,
    questions: each.map((step) => [`Why at step ${step}?`]),
    said: each.map((step) => [`said at ${step}`]),
    checks: [CHECK],
    provenance: { settings: { how: "generate" } },
    code: "lm.generate('The city of')",
    ...change,
  };
}

/** A lens over `length` positions and the rows embed, 0 ... layers-1. The last row puts Paris first, Rome second. */
export function lensTree(length = 6, layers = 3, change: object = {}) {
  const rows = Array.from({ length: layers + 1 }, (_, i) => i - 1);
  const cells = rows.flatMap((layer) => Array.from({ length }, (_, token) => ({ layer, token, share: (layer + 1) / layers })));
  const grid = { layer: rows, token: length };
  return {
    kind: "lens_table",
    traces: ["t"],
    token_ids: packed(
      cells.flatMap(({ share }) => (share > 0.5 ? [3, 8] : [8, 3])),
      { ...grid, rank: 2 },
      "i4",
    ),
    probs: packed(
      cells.flatMap(({ share }) => (share > 0.5 ? [share * 0.8, 0.1] : [0.4, share * 0.8])),
      { ...grid, rank: 2 },
    ),
    entropy: packed(
      cells.map(({ share }) => 4 - 3 * share),
      grid,
    ),
    kl: packed(
      cells.map(({ share }) => 7 * (1 - share)),
      grid,
    ),
    final_probs: packed(
      cells.flatMap(({ share }) => [share * 0.8, share > 0.5 ? 0.1 : 0.4]),
      { ...grid, rank: 2 },
    ),
    realised: packed(
      cells.map(({ token, share }) => (token === length - 1 ? Number.NaN : share * 0.5)),
      grid,
    ),
    watched: null,
    vocab: VOCAB,
    checks: [{ ...CHECK, name: "last row = the model", kind: "identity" }],
    method: "LogitLens(top=2)",
    code: "lens = tb.LogitLens(top=2)(lm, trace)",
    cost: 0.1,
    says: "continues",
    sentences: {
      steps: [0, 1, 2],
      parts: [["; top choice from layer 1 to 2."], ["; ", { token: "↵" }, " too."], ["; never."]],
      questions: [null, null, null],
    },
    answer_layers: [1, null, null],
    ...change,
  };
}

export const SCORES_REQUEST: Request = {
  analysis: "IntegratedGradients",
  params: { n_steps: 64 },
  traces: ["t"],
  target: { step: 0, token: null, against: null, of: "logit" },
  code: "tb.IntegratedGradients(n_steps=64)(lm, trace, tb.Target(step=0, token=None, against=None, of='logit'))\n",
};

/** Scores at the given steps of a text with `length` tokens: 1, -2, 3, -4 ... from the first token on, larger at later steps. */
export function scoresTree(steps: number[] = [0], length = 6, promptLength = 3, change: object = {}) {
  const row = (step: number) =>
    Array.from({ length }, (_, token) =>
      token < promptLength + step ? (token + 1) * (token % 2 ? -1 : 1) * (step + 1) : Number.NaN,
    );
  return {
    kind: "token_scores",
    traces: ["t"],
    target: { step: steps.length === 1 ? steps[0] : null, token: null, against: null, of: "logit" },
    steps,
    scores: packed(steps.flatMap(row), { step: steps, token: length }),
    values: packed(
      steps.map((step) => 4.5 + step),
      { step: steps },
    ),
    baseline_values: packed(
      steps.map(() => 2.25),
      { step: steps },
    ),
    unit: "logits",
    says: "adds",
    sentences: {
      steps,
      parts: steps.map((step) => [`It scores ${step}.`]),
      questions: steps.map((step) => `Why did the model say it at step ${step}?`),
    },
    baseline: "each token replaced by the eos token",
    checks: [{ ...CHECK, name: "completeness" }],
    method: "IntegratedGradients(n_steps=64)",
    code: "scores = tb.IntegratedGradients(n_steps=64)(lm, trace, tb.Target(step=0))\n",
    cost: 4.1,
    ...change,
  };
}

export interface Message {
  kind: string;
  id: string;
  request?: Request;
  [name: string]: unknown;
}

export interface Shown {
  root: HTMLElement;
  selection: StaticModel;
  model: StaticModel;
  /** Any widget of the page. */
  widget: (name: string) => StaticModel;
  sent: Message[];
  end: () => void;
  /** Sends a message as the kernel. */
  say: (message: object) => void;
  fields: () => State["fields"];
}

/**
 * Shows a widget with a selection and answers, as a host would. `reply` plays the kernel; it may say nothing.
 * `_traces` of the state are trace trees: each is a widget of its own, `anywidget:trace-0` and so on; those in `later` come
 * after them, and are there when a test adds them to the list.
 */
export async function show(
  definition: object,
  state: Record<string, unknown>,
  {
    reply,
    fields,
    offline = false,
    children = {},
    later = [],
  }: {
    reply?: (message: Message) => object | undefined;
    fields?: object;
    offline?: boolean;
    children?: Record<string, object>;
    later?: object[];
  } = {},
): Promise<Shown> {
  document.body.replaceChildren();
  const sent: Message[] = [];
  const models = { selection: selectionModel, answers: answersModel, trace: traceModel };
  const modules: Record<string, object> = { view: definition, ...models, ...children };
  const { _traces: given = [], ...own } = state as { _traces?: object[] };
  const traces = Object.fromEntries([...given, ...later].map((tree, i) => [`trace-${i}`, tree]));
  const references = given.map((_, i) => `anywidget:trace-${i}`);
  const links = { selection: "anywidget:selection", _answers: "anywidget:answers", _traces: references };
  const page = {
    root: "view",
    title: "",
    baked: {},
    code: Object.fromEntries(Object.keys(modules).map((name) => [name, name])),
    widgets: {
      view: { esm: "view", css: null, state: { ...links, ...own } },
      selection: {
        esm: "selection",
        css: null,
        state: { _state: { seq: 1, fields: { trace: 0, step: 0, query: 2, layer: null, token: null, ...fields } } },
      },
      answers: { esm: "answers", css: null, state: { _offline: offline } },
      ...Object.fromEntries(Object.entries(traces).map(([name, _data]) => [name, { esm: "trace", css: null, state: { _data } }])),
      ...Object.fromEntries(Object.keys(children).map((name) => [name, { esm: name, css: null, state: links }])),
    },
  };
  const hear = (model: StaticModel, message: unknown) => {
    sent.push(message as Message);
    const answer = reply?.(message as Message);
    if (answer) model.emit("msg:custom", { id: (message as Message).id, ...answer }, []);
  };
  const host = makeHost(page, hear, async (code) => ({ default: modules[code] }));
  const life = new AbortController();
  const el = document.createElement("div");
  document.body.append(el);
  await host.render("view", el, life.signal);
  await settled();
  const [model, selection, answers] = (["view", "selection", "answers"] as const).map(host.model) as [
    StaticModel,
    StaticModel,
    StaticModel,
  ];
  return {
    root: el.firstElementChild as HTMLElement,
    selection,
    model,
    widget: host.model,
    sent,
    end: () => life.abort(),
    say: (message) => answers.emit("msg:custom", message, []),
    fields: () => (selection.get("_state") as State).fields,
  };
}

/** Waits until all promises are settled. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** From now on the test reports the sizes of elements. `vi.unstubAllGlobals` undoes it. */
export function resizes(): () => void {
  const heard = new Set<() => void>();
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(callback: () => void) {
        heard.add(callback);
      }
      observe() {}
      disconnect() {}
    },
  );
  return () => {
    for (const each of heard) each();
  };
}

/** Records the writes to a part of the page; the returned function ends it and gives them. */
export function watched(root: Element): () => MutationRecord[] {
  const all: MutationRecord[] = [];
  const seen = new MutationObserver((records) => {
    all.push(...records);
  });
  seen.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
  return () => {
    all.push(...seen.takeRecords());
    seen.disconnect();
    return all;
  };
}

/** Presses a key; false if the view used it. A used key must not reach the notebook, which has keys of its own. */
export function key(target: Element, name: string, modifiers: KeyboardEventInit = {}): boolean {
  let passed = false;
  const hear = () => {
    passed = true;
  };
  document.addEventListener("keydown", hear, { once: true });
  const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...modifiers });
  const untouched = target.dispatchEvent(event);
  document.removeEventListener("keydown", hear);
  if (untouched !== passed) throw new Error(`${name} was used by halves: prevented or stopped, and not both`);
  return passed;
}

export function all(root: Element, selector: string): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>(selector)];
}

export function one(root: Element, selector: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`nothing matches ${selector}`);
  return found;
}
