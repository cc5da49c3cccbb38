import { expect, test, vi } from "vitest";
import type { Request } from "../../src/ask";
import type { Attention } from "../../src/attention";
import { mapOf, rowOf, sinkOf, whoseIn } from "../../src/attention";
import { numbers } from "../../src/attention/numbers";
import { paintMap, paintRow } from "../../src/attention/paint";
import { predicts, share, weightName, whoseName } from "../../src/attention/words";
import type { Text } from "../../src/trace";
import attentionView from "../../src/views/attention";
import { decode } from "../../src/wire";
import { all, CHECK, key, type Message, one, show, traceTree } from "../made";

const LENGTH = 6;
const LAYERS = [1, 3];
const HEADS = [0, 2];
const REQUEST: Request = {
  analysis: "AttentionPatterns",
  params: { layers: LAYERS, heads: HEADS },
  trace: "t",
  target: null,
  code: "tb.AttentionPatterns(layers=(1, 3), heads=(0, 2))(lm, trace)\n",
};

/** As Python packs it: one byte, the square root. */
function bytes(values: readonly number[], shape: readonly number[], dims: readonly string[]) {
  const stored = Uint8Array.from(values, (v) => Math.round(Math.sqrt(v) * 255));
  const coords = { layer: LAYERS, head: HEADS };
  return { $array: new DataView(stored.buffer), dtype: "u1", shape, dims, coords, encoding: "sqrt-u8" };
}

/** Layer 1 looks at the first token (head 0) or at itself (head 2); layer 3 gives a quarter to each end. */
function weight(layer: number, head: number, query: number, at: number): number {
  if (at > query) return 0;
  if (layer === 1) return Number(at === (head === 0 ? 0 : query));
  return (at === 0 ? 0.25 : 0) + (at === query ? 0.25 : 0);
}

function tree(change: object = {}) {
  const each = Array.from({ length: LENGTH }, (_, i) => i);
  const values = LAYERS.flatMap((l) => HEADS.flatMap((h) => each.flatMap((q) => each.map((k) => weight(l, h, q, k)))));
  const sinks = LAYERS.flatMap((layer) => HEADS.flatMap(() => each.map(() => (layer === 3 ? 0.5 : 0))));
  return {
    kind: "attention",
    trace: "t",
    layers: LAYERS,
    heads: HEADS,
    weights: bytes(values, [2, 2, LENGTH, LENGTH], ["layer", "head", "query", "key"]),
    sink: bytes(sinks, [2, 2, LENGTH], ["layer", "head", "query"]),
    via: "sdpa",
    checks: [CHECK],
    method: "AttentionPatterns(layers=(1, 3), heads=(0, 2))",
    code: "attention = tb.AttentionPatterns(layers=(1, 3), heads=(0, 2))(lm, trace)\n",
    cost: 0.1,
    ...change,
  };
}

const attention = () => decode(tree()) as Attention;
const STATE = { _data: traceTree(), _request: REQUEST };
const answering = (change: object = {}) => ({
  reply: ({ kind }: Message) => (kind === "ask" ? { kind: "answer", result: tree(change) } : undefined),
});
const text = (root: Element, selector: string) => one(root, selector).textContent ?? "";
const cell = (root: Element, layer: number, head: number) =>
  one(root, `.tb-att-cell[data-layer="${layer}"][data-head="${head}"]`);
const chosen = (root: Element, selector: string) => all(root, `${selector}[aria-selected="true"]`);
const press = (name: string) => key(document.activeElement as Element, name);

test("weights come as bytes on a square root scale, and are read by coordinates", () => {
  const row = rowOf(attention(), { layer: 3, head: 2 }, 4);
  expect([...row].map((x) => Number(x.toFixed(2)))).toEqual([0.25, 0, 0, 0, 0.25, 0]);
  expect(sinkOf(attention(), { layer: 3, head: 2 }, 4)).toBeCloseTo(0.5, 2);
  expect(sinkOf(decode(tree({ sink: null })) as Attention, { layer: 3, head: 2 }, 4)).toBeNull();
});

test("what is not chosen is the mean", () => {
  expect([...rowOf(attention(), { layer: 1, head: null }, 4)]).toEqual([0.5, 0, 0, 0, 0.5, 0]);
  expect(rowOf(attention(), { layer: null, head: 0 }, 4)[0]).toBeCloseTo(0.625, 2);
  expect(rowOf(attention(), { layer: null, head: null }, 4)[4]).toBeCloseTo(0.375, 2);
  expect(sinkOf(attention(), { layer: null, head: null }, 2)).toBeCloseTo(0.25, 2);
  const whole = mapOf(attention(), { layer: 1, head: null });
  expect(whole.length).toBe(LENGTH ** 2);
  expect([...whole.subarray(4 * LENGTH, 5 * LENGTH)]).toEqual([...rowOf(attention(), { layer: 1, head: null }, 4)]);
});

test("a layer or head that is not in this result counts as not chosen", () => {
  expect(whoseIn(attention(), { layer: 0, head: 1 })).toEqual({ layer: null, head: null });
  expect(whoseIn(attention(), { layer: 3, head: 2 })).toEqual({ layer: 3, head: 2 });
});

test("whose it is, and how much, in words", () => {
  expect(whoseName({ layer: 3, head: null })).toBe("layer 3, mean over heads");
  expect(whoseName({ layer: null, head: null })).toBe("all layers, mean over heads");
  expect(share(0.23, { layer: 17, head: 4 })).toBe("0.23 of the attention of layer 17, head 4");
  expect([0, 0.0021, 0.2301, 1].map(weightName)).toEqual(["<0.001", "0.002", "0.23", "1.00"]);
  const made = { prompt_length: 3, steps: 3 } as Text;
  expect([1, 2, 5].map((at) => predicts(made, at))).toEqual([
    ", which predicts no step",
    ", which predicts step 0",
    ", which predicts no step",
  ]);
});

test("a map is painted without its future, and where cells share a pixel the largest is seen", () => {
  const shades = Uint32Array.from({ length: 256 }, (_, i) => i + 1);
  const sheet = (size: number) => ({ pixels: new Uint32Array(size * size), width: size });
  const same = sheet(3);
  paintMap(same, { x: 0, y: 0, size: 3 }, Float32Array.of(1, 9, 9, 0, 1, 9, 0.25, 0, 0.75), 3, shades);
  expect([...same.pixels]).toEqual([256, 0, 0, 1, 256, 0, 129, 1, 222]);
  const small = sheet(1);
  paintMap(small, { x: 0, y: 0, size: 1 }, Float32Array.of(0.25, 0, 0, 0.25), 2, shades);
  expect([...small.pixels]).toEqual([129]);
  const strip = sheet(2);
  paintRow(strip, { x: 0, y: 0, size: 2 }, Float32Array.of(0, 1, 0.25, 0), shades);
  expect([...strip.pixels]).toEqual([256, 129, 256, 129]);
});

test("it says where it is read from, and which mean is shown", async () => {
  const { root } = await show(attentionView, STATE, answering());
  expect(root.dataset).toMatchObject({ view: "attention", state: "ready" });
  expect(text(root, ".tb-att-question")).toBe("from position 2 ·of, which predicts step 0");
  expect(text(root, "h3")).toBe("All layers, mean over heads");
  expect(text(root, ".tb-detail")).toBe("position 0 The: 0.38 of the attention of all layers, mean over heads");
  expect(text(root, ".tb-att-sink")).toBe("sink 0.25");
  expect(text(root, ".tb-legend")).toContain("square root");
  expect(all(root, ".tb-legend text").map((el) => el.textContent)).toEqual(["0", "0.01", "0.1", "0.5", "1"]);
});

test("without sinks there is no box for one", async () => {
  const { root } = await show(attentionView, STATE, answering({ sink: null }));
  expect(root.querySelector(".tb-att-sink")).toBeNull();
});

test("a click chooses a layer and a head, and what they look at is shown", async () => {
  const { root, fields } = await show(attentionView, STATE, answering());
  cell(root, 3, 2).click();
  expect(fields()).toMatchObject({ layer: 3, head: 2, step: 0, query: 2 });
  expect(chosen(root, ".tb-att-cell")).toEqual([cell(root, 3, 2)]);
  expect(text(root, "h3")).toBe("Layer 3, head 2");
  expect(all(root, ".tb-piece .tb-att-figure").map((el) => el.textContent)).toEqual(["0.25", "", "0.25", "", "", ""]);
  one(root, '.tb-att-layer[data-layer="1"]').click();
  expect(fields()).toMatchObject({ layer: 1, head: null });
  expect(text(root, "h3")).toBe("Layer 1, mean over heads");
});

test("arrow keys move over layers and heads, newest layer on top, with one stop", async () => {
  const { root, fields } = await show(attentionView, STATE, answering());
  expect(all(root, ".tb-att-layer").map((el) => el.textContent)).toEqual(["3", "1"]);
  cell(root, 3, 0).click();
  press("ArrowRight");
  expect(fields()).toMatchObject({ layer: 3, head: 2 });
  press("ArrowDown");
  expect(fields()).toMatchObject({ layer: 1, head: 2 });
  press("Home");
  expect(fields()).toMatchObject({ layer: 1, head: null });
  expect(all(root, ".tb-att-cell").filter((el) => el.tabIndex === 0)).toEqual([document.activeElement]);
  expect(press("a")).toBe(true);
});

test("a click on a token or an arrow key there chooses the key, and the line says it in full", async () => {
  const { root, fields } = await show(attentionView, STATE, { ...answering(), fields: { layer: 3, head: 2 } });
  all(root, ".tb-piece")[2]?.click();
  expect(fields()).toMatchObject({ key: 2, query: 2, step: 0 });
  expect(text(root, ".tb-detail")).toBe("position 2 ·of: 0.25 of the attention of layer 3, head 2");
  press("ArrowLeft");
  expect(fields().key).toBe(1);
  expect(text(root, ".tb-detail")).toBe("position 1 ·city: <0.001 of the attention of layer 3, head 2");
  press("End");
  expect(fields().key).toBe(2);
  // What comes later was not there to look at.
  all(root, ".tb-piece")[4]?.click();
  expect(fields().key).toBe(2);
  expect(all(root, ".tb-piece")[4]?.getAttribute("aria-label")).toContain("comes after position 2");
});

test("a row of the large map is the position that reads, and its step where it predicts one", async () => {
  const { root, fields } = await show(attentionView, STATE, { ...answering(), fields: { layer: 3, head: 2 } });
  const row = (query: number) => one(root, `.tb-att-query[data-query="${query}"]`);
  row(3).click();
  expect(fields()).toMatchObject({ query: 3, step: 1, layer: 3, head: 2 });
  expect(text(root, ".tb-att-question")).toBe("from position 3 ·Paris, which predicts step 1");
  press("ArrowUp");
  press("ArrowUp");
  expect(fields()).toMatchObject({ query: 1, token: 1 });
  expect(chosen(root, ".tb-att-query")).toEqual([row(1)]);
  expect(document.activeElement).toBe(row(1));
});

test("the selection of other views is followed", async () => {
  const { root, selection } = await show(attentionView, STATE, answering());
  selection.set("_state", { seq: 5, fields: { step: 2, query: 4, layer: 1, head: 0, key: 0 } });
  expect(text(root, ".tb-att-question")).toBe("from position 4 ↵, which predicts step 2");
  expect(text(root, ".tb-detail")).toBe("position 0 The: 1.00 of the attention of layer 1, head 0");
});

test("the numbers are the row of the chosen head", () => {
  const made = { pieces: traceTree().pieces, prompt_length: 3, steps: 3 } as Text;
  expect(numbers(attention(), made, { layer: 1, head: 2 }, 1).split("\r\n")).toEqual([
    "layer,head,query,key,text,weight",
    '1,2,1,0,"""The""",0',
    '1,2,1,1,"""·city""",1',
    "",
  ]);
  expect(numbers(attention(), made, { layer: 1, head: null }, 0)).toContain("1,,0,0,");
});

test("attention of another text is refused", async () => {
  const silent = vi.spyOn(console, "error").mockImplementation(() => {});
  const { root } = await show(attentionView, { ...STATE, _data: traceTree([0, 1, 2, 3], 3) }, answering());
  expect(root.dataset.state).toBe("error");
  expect(root.textContent).toContain("The attention is of 6 tokens, the text has 4.");
  silent.mockRestore();
});
