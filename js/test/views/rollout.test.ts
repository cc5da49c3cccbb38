import { expect, test, vi } from "vitest";
import type { Request } from "../../src/request";
import attentionView from "../../src/views/attention";
import rolloutView from "../../src/views/rollout";
import { all, CHECK, key, type Message, one, packed, show, traceTree } from "../made";

const LENGTH = 6;
const LAYERS = [2, 3];
const REQUEST: Request = {
  analysis: "AttentionRollout",
  params: { residual: 0.5, heads: "mean", first: 2, last: 3 },
  trace: "t",
  target: null,
  code: "tb.AttentionRollout(first=2, last=3)(lm, trace)\n",
};
const WEIGHTS: Request = { analysis: "AttentionPatterns", params: {}, trace: "t", target: null, code: "weights\n" };

/** After layer 2 half is the token itself, and half the first; after layer 3 a quarter. */
function share(layer: number, query: number, at: number): number {
  const own = layer === 2 ? 0.5 : 0.25;
  return (at === query ? own : 0) + (at === 0 ? 1 - own : 0);
}

function tree(change: object = {}) {
  const each = Array.from({ length: LENGTH }, (_, i) => i);
  const values = LAYERS.flatMap((l) => each.flatMap((q) => each.map((k) => share(l, q, k))));
  return {
    kind: "rollout",
    trace: "t",
    layers: LAYERS,
    flow: packed(values, { layer: LAYERS, query: LENGTH, key: LENGTH }),
    via: "sdpa",
    checks: [CHECK],
    method: "AttentionRollout(residual=0.5, heads='mean', first=2, last=3)",
    code: "rollout = tb.AttentionRollout(first=2, last=3)(lm, trace)\n",
    cost: 0.1,
    ...change,
  };
}

const STATE = { _data: traceTree(), _request: REQUEST };
const answering = { reply: ({ kind }: Message) => (kind === "ask" ? { kind: "answer", result: tree() } : undefined) };
const text = (root: Element, selector: string) => one(root, selector).textContent ?? "";
const figures = (root: Element) => all(root, ".tb-att-figure").map((el) => el.textContent);

test("the last layer is shown where none is selected, its row under the tokens, and what a row sums to is said", async () => {
  const { root } = await show(rolloutView, STATE, answering);
  expect(root.dataset).toMatchObject({ view: "rollout", state: "ready" });
  expect(text(root, ".tb-att-question")).toBe("What has come, by attention, to position 2 ·of, which predicts step 0");
  expect(text(root, "h3")).toBe("After layer 3, the last");
  expect(figures(root)).toEqual(["0.75", "", "0.25", "", "", ""]);
  expect(all(root, ".tb-sheet-row").map((el) => el.dataset.layer)).toEqual(["3", "2"]);
  expect(root.textContent).toContain("Each row is one of layers 2 to 3 and sums to one");
  expect(root.textContent).toContain("When not to trust it: it follows attention alone.");
});

test("a layer that is selected elsewhere tints the text, and one that is not here leaves the last", async () => {
  const { root, selection } = await show(rolloutView, STATE, { ...answering, fields: { layer: 2 } });
  expect([text(root, "h3"), figures(root)[2]]).toEqual(["After layer 2", "0.50"]);
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3, layer: -1 } });
  expect([text(root, "h3"), figures(root)[3]]).toEqual(["After layer 3, the last", "0.25"]);
  expect(text(root, ".tb-detail")).toBe("most of position 0 The: 0.75 of what is in position 3 after layer 3");
});

test("the name of a row sets the layer; a cell sets the layer and the token", async () => {
  const { root, fields } = await show(rolloutView, STATE, answering);
  one(root, '.tb-sheet-row[data-layer="2"] > .tb-sheet-label').click();
  expect(fields()).toMatchObject({ layer: 2, key: null, query: 2, step: 0 });
  const cursor = one(root, ".tb-sheet-cursor");
  cursor.focus();
  key(cursor, "ArrowUp");
  key(cursor, "End");
  // The position that reads is the last that has come to it.
  expect(cursor.getAttribute("aria-label")).toBe("position 2 ⁨·of⁩: 0.25 of what is in position 2 after layer 3");
  expect(text(root, ".tb-detail")).toBe("position 2 ·of: 0.25 of what is in position 2 after layer 3");
  key(cursor, "Enter");
  expect(fields()).toMatchObject({ layer: 3, key: 2, token: 2, query: 2, step: 0 });
});

test("the attention view asks for the rollout when it is chosen, once, and keeps what it had", async () => {
  const size = (LENGTH * (LENGTH + 1)) / 2;
  const overview = {
    kind: "attention",
    layers: [3],
    heads: [0],
    length: LENGTH,
    maps: packed(new Array(4 * LENGTH ** 2).fill(0.1), { layer: [3, "mean"], head: [0, "mean"], query: LENGTH, key: LENGTH }),
    sinks: false,
    via: "sdpa",
    checks: [CHECK],
    method: "AttentionPatterns()",
    code: "weights\n",
  };
  const slice = { form: "full", layer: null, head: null, sink: null, weights: packed(new Array(size).fill(0.1), { cell: size }) };
  const reply = ({ kind, request, slice: part }: Message) => {
    if (kind !== "ask") return undefined;
    if (request?.analysis === "AttentionRollout") return { kind: "answer", result: tree() };
    return { kind: "answer", result: part ? slice : overview };
  };
  const data = { ...traceTree(), rollouts: [{ label: "rollout", request: REQUEST }] };
  const { root, sent } = await show(attentionView, { _data: data, _request: WEIGHTS }, { reply });
  const asked = () => sent.filter(({ kind }) => kind === "ask").map(({ request }) => request?.analysis);
  // Twice: the overview, and the slice of it that is looked at.
  expect([root.dataset.source, asked()]).toEqual(["weights", ["AttentionPatterns", "AttentionPatterns"]]);
  const option = (name: string) => all(root, "[data-option]").find((el) => el.textContent === name) as HTMLElement;
  for (const name of ["rollout", "weights", "rollout"]) {
    option(name).click();
    await vi.waitFor(() => expect(root.dataset.state).toBe("ready"));
  }
  expect([root.dataset.source, text(root, "h2")]).toEqual(["rollout", "What has come here by attention?"]);
  expect(asked()).toEqual(["AttentionPatterns", "AttentionPatterns", "AttentionRollout"]);
  expect(figures(root)).toEqual(["0.75", "", "0.25", "", "", ""]);
  expect(option("rollout").getAttribute("aria-checked")).toBe("true");
});

test("who goes back while the rollout is computed cancels it", async () => {
  const data = { ...traceTree(), rollouts: [{ label: "rollout", request: REQUEST }] };
  const { root, sent } = await show(attentionView, { _data: data, _request: WEIGHTS }, {});
  all(root, "[data-option]")[1]?.click();
  expect(root.textContent).toContain("Asking for the rollout");
  all(root, "[data-option]")[0]?.click();
  const [weights, rollout, again] = sent.filter(({ kind }) => kind === "ask");
  const cancelled = sent.filter(({ kind }) => kind === "cancel").map(({ id }) => id);
  expect(cancelled).toEqual([weights?.id, rollout?.id]);
  expect(again?.request?.analysis).toBe("AttentionPatterns");
});

test("a rollout of another text is refused", async () => {
  const silent = vi.spyOn(console, "error").mockImplementation(() => {});
  const { root } = await show(rolloutView, { ...STATE, _data: traceTree([0, 1, 2, 3], 3) }, answering);
  expect([root.dataset.state, root.textContent]).toEqual(["error", expect.stringContaining("of 6 tokens, the text has 4.")]);
  silent.mockRestore();
});
