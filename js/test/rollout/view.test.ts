import { expect, test, vi } from "vitest";
import attentionView from "../../src/attention/view";
import type { Rollout } from "../../src/flow/result";
import { arrivedOf, sharesIn } from "../../src/flow/result";
import type { Request } from "../../src/requests/request";
import rolloutView from "../../src/rollout/view";
import { decode } from "../../src/wire";
import { all, CHECK, key, type Message, one, packed, settled, show, traceTree } from "../made";

const LENGTH = 6;
const LAYERS = [2, 3];
const REQUEST: Request = {
  analysis: "AttentionRollout",
  params: { residual: 0.5, heads: "mean", first: 2, last: 3 },
  traces: ["t"],
  target: null,
  code: "tb.AttentionRollout(first=2, last=3)(lm, trace)\n",
};
const WEIGHTS: Request = { analysis: "AttentionPatterns", params: {}, traces: ["t"], target: null, code: "weights\n" };

/** After layer 2 half is the token itself, and half the first; after layer 3 a quarter. */
function share(layer: number, query: number, at: number): number {
  const own = layer === 2 ? 0.5 : 0.25;
  return (at === query ? own : 0) + (at === 0 ? 1 - own : 0);
}

function tree(change: object = {}) {
  return {
    kind: "rollout",
    traces: ["t"],
    layers: LAYERS,
    length: LENGTH,
    via: "sdpa",
    checks: [CHECK],
    method: "AttentionRollout(residual=0.5, heads='mean', first=2, last=3)",
    code: "rollout = tb.AttentionRollout(first=2, last=3)(lm, trace)\n",
    cost: 0.1,
    ...change,
  };
}

function sliceTree(query: number) {
  const keys = Array.from({ length: query + 1 }, (_, i) => i);
  const values = keys.flatMap((k) => LAYERS.map((l) => share(l, query, k)));
  return { kind: "rollout_slice", query, flow: packed(values, { key: query + 1, layer: LAYERS }) };
}

const ABSENT = { kind: "error", error: "This saved page does not have this answer.", absent: true, code: "tb.X()" };
/** A kernel with slices of these positions. */
const having =
  (...positions: number[]) =>
  ({ kind, slice }: Message) => {
    if (kind !== "ask") return undefined;
    if (!slice) return { kind: "answer", result: tree() };
    const { query } = slice as { query: number };
    return positions.includes(query) ? { kind: "answer", result: sliceTree(query) } : ABSENT;
  };
/** The largest share of another token is 0.1 after layer 2, and 0.02 after layer 3. */
const rising = ({ kind, slice }: Message) => {
  if (kind !== "ask") return undefined;
  if (!slice) return { kind: "answer", result: tree() };
  const flow = packed([0.4, 0.96, 0.1, 0.02, 0.5, 0.02], { key: 3, layer: LAYERS });
  return { kind: "answer", result: { kind: "rollout_slice", query: 2, flow } };
};

const BESIDE = { _requests: [WEIGHTS], _alternatives: [[{ label: "rollout", request: REQUEST }]] };
const STATE = { _traces: [traceTree()], _requests: [REQUEST] };
const answering = { reply: having(0, 1, 2, 3, 4, 5) };
const text = (root: Element, selector: string) => one(root, selector).textContent ?? "";
const isGone = (el: HTMLElement) => el.dataset.gone !== undefined;
const figures = (root: Element) => all(root, ".tb-att-figure").map((el) => el.textContent);

test("without a selected layer the last one is shown, and the note says what a row sums to", async () => {
  const { root } = await show(rolloutView, STATE, answering);
  expect(root.dataset).toMatchObject({ view: "rollout", state: "ready" });
  expect(text(root, ".tb-att-question")).toBe("Shares of the input tokens in position 2 ·of, which predicts step 0");
  expect(text(root, "h3")).toBe("After layer 3, the last");
  expect(figures(root)).toEqual(["0.75", "", "0.25", "", "", ""]);
  expect(all(root, ".tb-sheet-row").map((el) => el.dataset.layer)).toEqual(["3", "2"]);
  expect(root.textContent).toContain("Rows are layers 2 to 3.");
  expect(root.textContent).toContain("When not to trust it: a rollout follows attention weights only.");
});

test("slices are requested for the answer that is shown", async () => {
  const reply = (message: Message) => (message.slice ? having(2)(message) : { kind: "answer", result: tree({ answer: "7" }) });
  const { sent } = await show(rolloutView, STATE, { reply });
  expect(sent.filter(({ slice }) => slice).map(({ of }) => of)).toContain("7");
  expect(sent.filter(({ slice, of }) => slice && of !== "7")).toEqual([]);
});

test("a layer that another view selects colours the text; a layer that the rollout lacks leaves the last one", async () => {
  const { root, selection } = await show(rolloutView, STATE, { ...answering, fields: { layer: 2 } });
  expect([text(root, "h3"), figures(root)[2]]).toEqual(["After layer 2", "0.50"]);
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3, layer: -1 } });
  await settled();
  expect([text(root, "h3"), figures(root)[3]]).toEqual(["After layer 3, the last", "0.25"]);
  expect(text(root, ".tb-detail")).toBe("largest share: The (position 0), 75 % after layer 3");
});

test("the name of a row sets the layer; a cell sets the layer and the token", async () => {
  const { root, fields } = await show(rolloutView, STATE, answering);
  one(root, '.tb-sheet-row[data-layer="2"] > .tb-sheet-label').click();
  expect(fields()).toMatchObject({ layer: 2, key: null, query: 2, step: 0 });
  const cursor = one(root, ".tb-sheet-cursor");
  cursor.focus();
  key(cursor, "ArrowUp");
  key(cursor, "End");
  // The query itself is its last input token.
  expect(cursor.getAttribute("aria-label")).toBe("position 2 ⁨·of⁩: share 25 % after layer 3");
  expect(text(root, ".tb-detail")).toBe("·of (position 2): share 25 % after layer 3");
  key(cursor, "Enter");
  expect(fields()).toMatchObject({ layer: 3, key: 2, token: 2, query: 2, step: 0 });
});

test("the attention view requests the rollout once, when it is chosen, and keeps the attention", async () => {
  const size = (LENGTH * (LENGTH + 1)) / 2;
  const overview = {
    kind: "attention",
    layers: [3],
    heads: [0],
    length: LENGTH,
    maps: packed(new Array(4 * LENGTH ** 2).fill(0.1), { layer: [3, "mean"], head: [0, "mean"], query: LENGTH, key: LENGTH }),
    sinks: false,
    via: "sdpa",
    without: [],
    checks: [CHECK],
    method: "AttentionPatterns()",
    code: "weights\n",
  };
  const slice = { form: "full", layer: null, head: null, sink: null, weights: packed(new Array(size).fill(0.1), { cell: size }) };
  const reply = ({ kind, request, slice: part }: Message) => {
    if (kind !== "ask") return undefined;
    if (request?.analysis === "AttentionRollout") {
      const { query } = (part ?? {}) as { query?: number };
      return { kind: "answer", result: query === undefined ? tree() : sliceTree(query) };
    }
    return { kind: "answer", result: part ? slice : overview };
  };
  const { root, sent, fields } = await show(attentionView, { ...STATE, ...BESIDE }, { reply });
  const asked = () => sent.filter(({ kind }) => kind === "ask").map(({ request }) => request?.analysis);
  // Two requests: the overview, and the selected slice.
  expect([root.dataset.source, asked()]).toEqual(["weights", ["AttentionPatterns", "AttentionPatterns"]]);
  const option = (name: string) => all(root, "[data-option]").find((el) => el.textContent === name) as HTMLElement;
  for (const name of ["rollout", "weights", "rollout"]) {
    option(name).click();
    await vi.waitFor(() => expect(root.dataset.state).toBe("ready"));
  }
  expect([root.dataset.source, text(root, "h2")]).toEqual(["rollout", "What has come here by attention?"]);
  expect(asked()).toEqual(["AttentionPatterns", "AttentionPatterns", ...new Array(4).fill("AttentionRollout")]);
  expect(figures(root)).toEqual(["0.75", "", "0.25", "", "", ""]);
  // The selection stays the same in both sources.
  one(root, '.tb-piece[data-key="1"]').click();
  expect(fields()).toMatchObject({ key: 1, token: 1, query: 2, step: 0, layer: null });
  expect(option("rollout").getAttribute("aria-checked")).toBe("true");
});

test("going back while the rollout is computed cancels it", async () => {
  const { root, sent } = await show(attentionView, { ...STATE, ...BESIDE }, {});
  all(root, "[data-option]")[1]?.click();
  expect(root.textContent).toContain("Loading the rollout");
  all(root, "[data-option]")[0]?.click();
  const [weights, rollout, again] = sent.filter(({ kind }) => kind === "ask");
  const cancelled = sent.filter(({ kind }) => kind === "cancel").map(({ id }) => id);
  expect(cancelled).toEqual([weights?.id, rollout?.id]);
  expect(again?.request?.analysis).toBe("AttentionPatterns");
});

test("a rollout that cannot be shown is one error, not several", async () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  const reply = (message: Message) =>
    message.slice ? answering.reply(message) : { kind: "answer", result: tree({ checks: null }) };
  const { root } = await show(rolloutView, STATE, { reply });
  expect([root.dataset.state, said.mock.calls.length]).toEqual(["error", 1]);
  expect(root.textContent).toContain("null");
  said.mockRestore();
});

test("a rollout of another text is refused", async () => {
  const silent = vi.spyOn(console, "error").mockImplementation(() => {});
  const { root } = await show(rolloutView, { ...STATE, _traces: [traceTree([0, 1, 2, 3], 3)] }, answering);
  expect([root.dataset.state, root.textContent]).toEqual(["error", expect.stringContaining("has 6 tokens, but the text has 4.")]);
  silent.mockRestore();
});

test("without position 0 each row has its own scale, and the legend says so", async () => {
  const { root } = await show(rolloutView, STATE, { reply: rising, fields: { layer: 2 } });
  const button = all(root, "button").find((el) => el.textContent === "leave out position 0") as HTMLElement;
  button.click();
  const note = () => text(root, ".tb-scale-note > :not([data-out])");
  const its = "the largest share of another token in this row (at least 0.01); each row has its own scale";
  expect(note()).toBe(`scale: 0 to 0.1, ${its}`);
  const ground = () => all(root, ".tb-piece > .tb-token").map((el) => el.style.background);
  const before = ground();
  expect([before[0], before[1] === before[2], before[1] === ""]).toEqual(["", true, false]);
  one(root, '.tb-sheet-row[data-layer="3"] > .tb-sheet-label').click();
  expect(note()).toBe(`scale: 0 to 0.02, ${its}`);
  expect(ground()).toEqual(before);
});

test("if position 0 has nearly all, a button goes to the layer where other tokens have most", async () => {
  // [key, layer]: after layer 2 the others have 0.3, after layer 3 they have 0.03.
  const flow = (first: number) => packed([0.2, first, 0.3, 0.95 - first, 0.5, 0.05], { key: 3, layer: LAYERS });
  const having = (first: number) => (message: Message) =>
    message.slice ? { kind: "answer", result: { kind: "rollout_slice", query: 2, flow: flow(first) } } : rising(message);
  const { root, fields } = await show(rolloutView, STATE, { reply: having(0.92) });
  const hint = one(root, ".tb-att-name > .tb-note");
  expect([hint.hidden, hint.textContent]).toEqual([
    false,
    "position 0 has nearly all · go to layer 2: other tokens have about 30 %",
  ]);
  one(hint, "button").click();
  expect([fields().layer, hint.hidden, figures(root)[0]]).toEqual([2, true, "0.20"]);
  expect(one((await show(rolloutView, STATE, { reply: having(0.8) })).root, ".tb-att-name > .tb-note").hidden).toBe(true);
});

test("a button clears the selected layer, and is pressed if none is selected", async () => {
  const { root, fields } = await show(rolloutView, STATE, { ...answering, fields: { layer: 2 } });
  const every = all(root, "button").find((el) => el.textContent === "all layers") as HTMLElement;
  expect(every.getAttribute("aria-pressed")).toBe("false");
  every.click();
  expect([fields().layer, every.getAttribute("aria-pressed")]).toEqual([null, "true"]);
  expect(text(root, "h3")).toBe("After layer 3, the last");
});

test("a step requests the shares of its position and of both neighbours, each once", async () => {
  const { root, selection, sent } = await show(rolloutView, STATE, answering);
  const go = async (query: number, seq: number) => {
    selection.set("_state", { seq, fields: { step: query - 2, query } });
    await settled();
  };
  const asked = () => sent.filter(({ kind }) => kind === "ask").map(({ slice }) => slice);
  expect(asked()).toEqual([undefined, { query: 2 }, { query: 3 }, { query: 1 }]);
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  // It is cached, so nothing is loading.
  expect(figures(root)).toEqual(["0.75", "", "", "0.25", "", ""]);
  await go(5, 6);
  await go(4, 7);
  await go(3, 8);
  expect(asked().slice(4)).toEqual([{ query: 4 }, { query: 5 }]);
});

test("a position that a page lacks is a sentence with its Python, and the others are shown", async () => {
  const { root, selection } = await show(rolloutView, STATE, { reply: having(3, 4), offline: true });
  const main = one(root, ".tb-flow");
  const said =
    "Cannot show rollout to position 2: This saved page does not have this answer. This Python computes it: tb.X() Copy code";
  expect([root.dataset.state, isGone(main), text(root, ".tb-trouble")]).toEqual(["ready", true, said]);
  expect(text(root, ".tb-att-question")).toBe("Shares of the input tokens in position 2 ·of, which predicts step 0");
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  expect(isGone(main)).toBe(true);
  await settled();
  expect([isGone(main), text(root, ".tb-trouble"), figures(root)[3]]).toEqual([false, "", "0.25"]);
  expect(text(root, ".tb-att-question")).toContain("in position 3 ·Paris, which predicts step 1");
  selection.set("_state", { seq: 6, fields: { query: 1 } });
  await settled();
  expect([isGone(main), text(root, ".tb-att-question")]).toEqual([true, expect.stringContaining("in position 1 ·city")]);
  selection.set("_state", { seq: 7, fields: { step: 1, query: 3 } });
  expect([isGone(main), text(root, ".tb-trouble")]).toEqual([false, ""]);
});

test("a failed position can be requested again, and only by the reader", async () => {
  let broken = true;
  const reply = (message: Message) => {
    const { query } = (message.slice ?? {}) as { query?: number };
    return query === 3 && broken
      ? { kind: "error", error: "Out of memory.", absent: false, code: null }
      : answering.reply(message);
  };
  const { root, selection, sent } = await show(rolloutView, STATE, { reply });
  const asked = () => sent.filter(({ slice }) => (slice as { query?: number } | undefined)?.query === 3).length;
  for (const layer of [null, 2, 3]) {
    selection.set("_state", { seq: 5 + (layer ?? 0), fields: { step: 1, query: 3, layer } });
    await settled();
  }
  // One request ahead, without a listener, and one when it is wanted.
  expect(asked()).toBe(2);
  expect(text(root, ".tb-trouble")).toBe("Cannot show rollout to position 3: Out of memory. Ask again");
  broken = false;
  one(root, ".tb-trouble button").click();
  await settled();
  expect([asked(), text(root, ".tb-trouble"), text(root, "h3")]).toEqual([3, "", "After layer 3, the last"]);
  expect(isGone(one(root, ".tb-flow"))).toBe(false);
});

test("while a failed position is loading again, no other one is shown in its place, and the focus stays", async () => {
  let broken = true;
  const reply = (message: Message) => {
    const { query } = (message.slice ?? {}) as { query?: number };
    if (query !== 3) return answering.reply(message);
    return broken ? { kind: "error", error: "Out of memory.", absent: false, code: null } : undefined;
  };
  const { root, selection, sent, say } = await show(rolloutView, STATE, { reply });
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  await settled();
  broken = false;
  const again = one(root, ".tb-trouble button");
  again.focus();
  again.click();
  await settled();
  expect(document.activeElement).toBe(one(root, ".tb-trouble"));
  const [main, question] = [one(root, ".tb-flow"), text(root, ".tb-att-question")];
  expect([isGone(main), question]).toEqual([false, expect.stringContaining("in position 2")]);
  say({ kind: "answer", id: sent.at(-1)?.id, result: sliceTree(3) });
  await settled();
  expect([isGone(main), figures(root)[3]]).toEqual([false, "0.25"]);
});

test("a slice of another shape is refused", () => {
  const rollout = { layers: LAYERS } as Rollout;
  const of = (query: number) => arrivedOf({ ...(decode(sliceTree(1)) as object), query }, rollout);
  expect([...sharesIn(of(1), 3)]).toEqual([0.75, 0.25]);
  expect(() => of(2)).toThrow("the slice has 4 shares; 2 layers × 3 tokens need 6");
});
