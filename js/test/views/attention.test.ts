import { expect, test, vi } from "vitest";
import type { Request } from "../../src/ask";
import type { Attention } from "../../src/attention";
import { mapOf, rowOf, sinkOf, whoseIn } from "../../src/attention";
import { curve, loop } from "../../src/attention/lines";
import { numbers } from "../../src/attention/numbers";
import { paintCells, paintMap, paintRow, palette } from "../../src/attention/paint";
import { darkness, strongest, WHOLE, withoutFirst } from "../../src/attention/tint";
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

test("the strongest keys: so many, none too weak, and position 0 only if it takes part", () => {
  const row = Float32Array.of(0.7, 0.1, 0.015, 0.1, 0.08, 0.3);
  expect(strongest(row, 4, WHOLE)).toEqual([0, 1, 3, 4]);
  expect(strongest(row, 4, WHOLE, 2)).toEqual([0, 1]);
  const rest = withoutFirst(row, 4);
  expect([rest.from, rest.top]).toEqual([1, expect.closeTo(0.1)]);
  expect(strongest(row, 4, rest)).toEqual([1, 3, 4, 2]);
  expect([darkness(rest, 0.7, 0), darkness(rest, 0.1, 1), darkness(rest, 0.025, 1), darkness(rest, 0.9, 1)]).toEqual([
    ...[0, 1, 0.5, 1].map((x) => expect.closeTo(x)),
  ]);
  // There is no rest where the first token reads.
  expect(withoutFirst(row, 0)).toEqual({ top: 1, from: 1 });
  expect(strongest(row, 0, withoutFirst(row, 0))).toEqual([]);
});

test("a line goes over the words to one beside it, and to the foot of one on another line", () => {
  const box = (left: number, top: number) => ({ left, top, width: 20, height: 40 });
  const beside = curve(box(100, 50), box(10, 50));
  expect([beside[0], beside.at(-1)]).toEqual([
    [110, 50],
    [20, 50],
  ]);
  expect(Math.min(...beside.map(([, y]) => y))).toBeGreaterThanOrEqual(50 - 13);
  const above = curve(box(100, 50), box(10, 0));
  expect([above[0], above.at(-1)]).toEqual([
    [110, 50],
    [20, 40],
  ]);
  const own = loop(box(100, 50));
  expect(own.every(([x, y]) => x >= 100 && x <= 120 && y <= 50 && y >= 50 - 13)).toBe(true);
});

test("rows of different lengths are painted as cells, and what is left out stays empty", () => {
  const shades = Uint32Array.from({ length: 256 }, (_, i) => i + 1);
  const pixels = new Uint32Array(5 * 4);
  const rows = [Float32Array.of(1), Float32Array.of(0.25, 0)];
  paintCells({ pixels, width: 5 }, { x: 1, y: 0, width: 4, height: 4 }, rows, { columns: 2, from: 0, shades });
  expect([...pixels]).toEqual([...[0, 256, 256, 0, 0], ...[0, 256, 256, 0, 0], ...[0, 129, 129, 1, 1], ...[0, 129, 129, 1, 1]]);
  pixels.fill(0);
  paintCells({ pixels, width: 5 }, { x: 0, y: 0, width: 2, height: 2 }, rows, { columns: 2, from: 1, shades });
  expect([...pixels].filter(Boolean)).toEqual([1]);
  // With `top` a shade is darker, and everything above as dark as it gets.
  const [usual, stretched] = [palette(false), palette(false, 0.25)];
  expect([stretched[0], stretched[127], stretched[255]]).toEqual([usual[0], usual[254], usual[255]]);
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

test("a name of the large map is the position that reads, and its step where it predicts one", async () => {
  const { root, fields } = await show(attentionView, STATE, { ...answering(), fields: { layer: 3, head: 2 } });
  const row = (query: number) => one(root, `.tb-sheet-row[data-query="${query}"]`);
  one(row(3), ".tb-sheet-label").click();
  expect(fields()).toMatchObject({ query: 3, step: 1, token: null, key: null, layer: 3, head: 2 });
  expect(text(root, ".tb-att-question")).toBe("from position 3 ·Paris, which predicts step 1");
  expect(chosen(root, ".tb-sheet-row")).toEqual([row(3)]);
});

test("in the large map arrow keys move one cell with the focus, which is read out, and Enter selects both", async () => {
  const { root, fields } = await show(attentionView, STATE, { ...answering(), fields: { layer: 3, head: 2, key: 1 } });
  const cursor = one(root, ".tb-sheet-cursor");
  cursor.focus();
  press("ArrowUp");
  expect(cursor.dataset).toMatchObject({ query: "1", key: "1" });
  expect(cursor.getAttribute("aria-label")).toContain("from position 1 ⁨·city⁩ to position 1 ⁨·city⁩: 0.25 of the attention");
  expect(text(root, ".tb-detail")).toBe("position 1 ·city: 0.25 of the attention of layer 3, head 2, from position 1");
  // Nothing comes after the position that reads.
  press("ArrowRight");
  expect(cursor.dataset.key).toBe("1");
  expect(fields()).toMatchObject({ query: 2, key: 1 });
  press("ArrowLeft");
  press("Enter");
  expect(fields()).toMatchObject({ query: 1, key: 0, token: 1, layer: 3 });
  expect(document.activeElement).toBe(cursor);
  expect(chosen(root, ".tb-sheet-key").map((el) => el.dataset.key)).toEqual(["0"]);
  expect(press("a")).toBe(true);
});

test("a click on a cell selects the position that reads and the one that it looks at", async () => {
  const { root, fields } = await show(attentionView, STATE, { ...answering(), fields: { layer: 3, head: 2 } });
  const row = one(root, '.tb-sheet-row[data-query="4"]');
  // One square takes (140 / 6) pixels; the names take 112 and the sinks 33.3.
  const at = (key: number) => new MouseEvent("click", { clientX: 112 + 33.4 + (key + 0.5) * (250 / 6), bubbles: true });
  row.dispatchEvent(at(1));
  expect(fields()).toMatchObject({ query: 4, step: 2, token: null, key: 1 });
  row.dispatchEvent(at(5));
  expect(fields()).toMatchObject({ query: 4, key: 1 });
});

test("the selection of other views is followed", async () => {
  const { root, selection } = await show(attentionView, STATE, answering());
  selection.set("_state", { seq: 5, fields: { step: 2, query: 4, layer: 1, head: 0, key: 0 } });
  expect(text(root, ".tb-att-question")).toBe("from position 4 ↵, which predicts step 2");
  expect(text(root, ".tb-detail")).toBe("position 0 The: 1.00 of the attention of layer 1, head 0");
});

test("the numbers are the row of the chosen head, and its sink apart", () => {
  const made = { pieces: traceTree().pieces, prompt_length: 3, steps: 3 } as Text;
  expect(numbers(attention(), made, { layer: 1, head: 2 }, 1).split("\r\n")).toEqual([
    "layer,head,query,key,text,weight,sink",
    '1,2,1,0,"""The""",0,0',
    '1,2,1,1,"""·city""",1,0',
    "",
  ]);
  expect(numbers(attention(), made, { layer: 1, head: null }, 0)).toContain("1,,0,0,");
  const without = decode(tree({ sink: null })) as Attention;
  expect(numbers(without, made, { layer: 1, head: 2 }, 1)).toContain("text,weight\r\n");
});

test("without position 0 the tint reaches to the largest of the rest, and the legend says so; no number changes", async () => {
  const { root } = await show(attentionView, STATE, { ...answering(), fields: { query: 4, layer: null, head: 2 } });
  const button = one(root, "[aria-pressed]");
  const figures = () => all(root, ".tb-att-figure").map((el) => el.textContent);
  const [before, ground] = [figures(), () => all(root, ".tb-piece > .tb-token").map((el) => el.style.background)];
  const whole = ground();
  button.click();
  expect(button.getAttribute("aria-pressed")).toBe("true");
  expect(text(root, ".tb-legend")).toContain("scale without position 0: largest of the rest of this row 0.63");
  expect(all(root, ".tb-legend text").map((el) => el.textContent)).toEqual(["0", "0.063", "0.31", "0.63"]);
  expect(figures()).toEqual(before);
  expect(all(root, "[data-left-out]").map((el) => el.dataset.key)).toEqual(["0"]);
  expect([whole[0] === "", ground()[0], ground()[4] === whole[4]]).toEqual([false, "", false]);
  expect(all(root, ".tb-att-lines polyline").map((el) => el.dataset.key)).toEqual(["4"]);
  button.click();
  expect([ground(), figures()]).toEqual([whole, before]);
});

test("lines go from the token that reads to those it looks at most", async () => {
  const { root } = await show(attentionView, STATE, { ...answering(), fields: { query: 4, layer: 3, head: 2 } });
  const drawn = all(root, ".tb-att-lines polyline").map(({ dataset }) => [dataset.query, dataset.key, Number(dataset.weight)]);
  expect(drawn).toEqual([
    ["4", "4", expect.closeTo(0.25, 2)],
    ["4", "0", expect.closeTo(0.25, 2)],
  ]);
});

test("attention of another text is refused", async () => {
  const silent = vi.spyOn(console, "error").mockImplementation(() => {});
  const { root } = await show(attentionView, { ...STATE, _data: traceTree([0, 1, 2, 3], 3) }, answering());
  expect(root.dataset.state).toBe("error");
  expect(root.textContent).toContain("The attention is of 6 tokens, the text has 4.");
  silent.mockRestore();
});
