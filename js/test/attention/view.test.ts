import { expect, test, vi } from "vitest";
import { numbers } from "../../src/attention/numbers";
import type { Attention, Whose } from "../../src/attention/result";
import { smallMapOf, whoseIn } from "../../src/attention/result";
import { isExact, rangeOf, rowOf, sliceOf } from "../../src/attention/slice";
import attentionView from "../../src/attention/view";
import { share, whoseName } from "../../src/attention/words";
import { paintMap } from "../../src/maps/paint";
import { predicts, weightName } from "../../src/maps/words";
import { PING_MS, SILENCE_MS } from "../../src/requests/liveness";
import type { Request } from "../../src/requests/request";
import type { Text } from "../../src/trace";
import { decode } from "../../src/wire";
import { all, CHECK, key, type Message, one, packed, settled, show, traceTree } from "../made";

const LENGTH = 6;
const LAYERS = [1, 3];
const HEADS = [0, 2];
const REQUEST: Request = {
  analysis: "AttentionPatterns",
  params: { layers: LAYERS, heads: HEADS },
  traces: ["t"],
  target: null,
  code: "tb.AttentionPatterns(layers=(1, 3), heads=(0, 2))(lm, trace)\n",
};

/** As Python packs it: one byte, the square root. */
function bytes(values: readonly number[], dims: Record<string, number | (number | string)[]>) {
  const { $array: _, ...node } = packed(values, dims);
  const stored = Uint8Array.from(values, (v) => Math.round(Math.sqrt(v) * 255));
  return { ...node, $array: new DataView(stored.buffer), dtype: "u1", encoding: "sqrt-u8" };
}

/** The same at 14 bits: all low bytes, and then all high ones. */
function fixed(values: readonly number[], dim: string) {
  const whole = values.map((v) => Math.round(v * 16383));
  const stored = Uint8Array.from([...whole.map((v) => v & 255), ...whole.map((v) => v >> 8)]);
  return { ...packed([], { [dim]: values.length }), $array: new DataView(stored.buffer), dtype: "u2", encoding: "fixed-14" };
}

/** Layer 1 looks at the first token (head 0) or at itself (head 2); layer 3 gives a quarter to each end. */
function weight(layer: number, head: number, query: number, at: number): number {
  if (at > query) return 0;
  if (layer === 1) return Number(at === (head === 0 ? 0 : query));
  return (at === 0 ? 0.25 : 0) + (at === query ? 0.25 : 0);
}

const each = Array.from({ length: LENGTH }, (_, i) => i);
const layersOf = ({ layer }: Whose) => (layer === null ? LAYERS : [layer]);
const headsOf = ({ head }: Whose) => (head === null ? HEADS : [head]);
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const meanWeight = (whose: Whose, query: number, at: number) =>
  mean(layersOf(whose).flatMap((l) => headsOf(whose).map((h) => weight(l, h, query, at))));
const meanSink = (whose: Whose) => mean(layersOf(whose).map((layer) => (layer === 3 ? 0.5 : 0)));
const triangle = (whose: Whose) => each.flatMap((q) => each.slice(0, q + 1).map((k) => meanWeight(whose, q, k)));

function tree(change: object = {}) {
  const whose = [...LAYERS, null].flatMap((layer) => [...HEADS, null].map((head) => ({ layer, head })));
  const values = whose.flatMap((one) => each.flatMap((q) => each.map((k) => meanWeight(one, q, k))));
  return {
    kind: "attention",
    traces: ["t"],
    layers: LAYERS,
    heads: HEADS,
    length: LENGTH,
    maps: bytes(values, { layer: [...LAYERS, "mean"], head: [...HEADS, "mean"], query: LENGTH, key: LENGTH }),
    sinks: true,
    via: "sdpa",
    without: [],
    checks: [CHECK],
    method: "AttentionPatterns(layers=(1, 3), heads=(0, 2))",
    code: "attention = tb.AttentionPatterns(layers=(1, 3), heads=(0, 2))(lm, trace)\n",
    cost: 0.1,
    ...change,
  };
}

function sliceTree(whose: Whose, sinks = true) {
  const values = triangle(whose);
  return {
    kind: "attention_slice",
    form: "full",
    ...whose,
    weights: bytes(values, { cell: values.length }),
    sink: sinks
      ? bytes(
          each.map(() => meanSink(whose)),
          { query: LENGTH },
        )
      : null,
  };
}

/** Exact are the key itself and the first; the others are at level 2 of 15. */
function compactTree(whose: Whose) {
  const columns = each.flatMap((k) => each.slice(k).map((q) => ({ q, k })));
  const isTaken = ({ q, k }: { q: number; k: number }) => k === q || k === 0;
  const symbols = columns.map((at) => (isTaken(at) ? 3 : 2));
  const cells = Array.from({ length: Math.ceil(symbols.length / 4) }, (_, i) =>
    symbols.slice(4 * i, 4 * i + 4).reduce((sum, symbol, at) => sum + symbol * 4 ** (3 - at), 0),
  );
  const exact = columns.filter(isTaken).map(({ q, k }) => meanWeight(whose, q, k));
  return {
    ...sliceTree(whose, false),
    form: "compact",
    weights: undefined,
    base: 4,
    cells: { ...packed([], { cell: cells.length }), $array: new DataView(Uint8Array.from(cells).buffer), dtype: "u1" },
    exact: fixed(exact, "cell"),
    rest: fixed(
      each.map((q) => q / 10),
      "query",
    ),
  };
}

const attention = () => decode(tree()) as Attention;
const STATE = { _traces: [traceTree()], _requests: [REQUEST] };
const head = (layer: number | null, number: number | null) => sliceOf(decode(sliceTree({ layer, head: number })), LENGTH);
const answering = (change: object = {}, sliced: (whose: Whose) => object = sliceTree) => ({
  reply: ({ kind, slice: whose }: Message) =>
    kind === "ask" ? { kind: "answer", result: whose ? sliced(whose as Whose) : tree(change) } : undefined,
});
const click = async (el: HTMLElement | undefined) => {
  el?.click();
  await settled();
};
const text = (root: Element, selector: string) => one(root, selector).textContent ?? "";
const cell = (root: Element, layer: number, head: number) =>
  one(root, `.tb-att-cell[data-layer="${layer}"][data-head="${head}"]`);
const chosen = (root: Element, selector: string) => all(root, `${selector}[aria-selected="true"]`);
const press = (name: string) => key(document.activeElement as Element, name);

test("a slice is a triangle of bytes on a square root scale", () => {
  expect([...rowOf(head(3, 2), 4)].map((x) => Number(x.toFixed(2)))).toEqual([0.25, 0, 0, 0, 0.25]);
  expect(head(3, 2).sink?.[4]).toBeCloseTo(0.5, 2);
  expect(sliceOf(decode(sliceTree({ layer: 3, head: 2 }, false)), LENGTH).sink).toBeNull();
  expect(isExact(head(3, 2), 4, 0)).toBe(false);
  const [least, most] = rangeOf(head(3, 2), 4, 0);
  expect([least < 0.25, most > 0.25, most - least < 0.004]).toEqual([true, true, true]);
});

test("a compact slice whose parts do not fit is refused", () => {
  const tree = compactTree({ layer: 3, head: 2 });
  expect(() => sliceOf(decode({ ...tree, exact: fixed([0.5], "cell") }), LENGTH)).toThrow(
    "the slice has 1 exact weights for 11 cells",
  );
  expect(() => sliceOf(decode(tree), LENGTH + 9)).toThrow("the slice has 24 cells instead of 120");
  expect(() => sliceOf({ form: "newer" }, LENGTH)).toThrow("does not know the form newer");
});

test("a small map is found by coordinates; null is the mean", () => {
  const small = smallMapOf(attention(), { layer: 1, head: null });
  expect(small.side).toBe(LENGTH);
  expect([...small.map]).toEqual([
    ...Float32Array.from(triangle({ layer: 1, head: null }), (x) => (Math.round(Math.sqrt(x) * 255) / 255) ** 2),
  ]);
  expect(smallMapOf(attention(), { layer: null, head: null }).map[0]).toBeCloseTo(0.75, 2);
});

test("a layer or head that this result lacks counts as null", () => {
  expect(whoseIn(attention(), { layer: 0, head: 1 })).toEqual({ layer: null, head: null });
  expect(whoseIn(attention(), { layer: 3, head: 2 })).toEqual({ layer: 3, head: 2 });
});

test("the words for a head and a weight", () => {
  expect(whoseName({ layer: 3, head: null })).toBe("layer 3, mean over heads");
  expect(whoseName({ layer: null, head: null })).toBe("all layers, mean over heads");
  expect(share(head(3, 2), 4, 0)).toBe("0.25, layer 3, head 2");
  expect([0, 0.0021, 0.2301, 1].map(weightName)).toEqual(["<0.001", "0.002", "0.23", "1.00"]);
  const made = { prompt_length: 3, steps: 3 } as Text;
  expect([1, 2, 5].map((at) => predicts(made, at))).toEqual([
    ", which predicts no step",
    ", which predicts step 0",
    ", which predicts no step",
  ]);
});

test("a map is painted without later keys, and a pixel shows the largest of its cells", () => {
  const shades = Uint32Array.from({ length: 256 }, (_, i) => i + 1);
  const sheet = (size: number) => ({ pixels: new Uint32Array(size * size), width: size });
  const same = sheet(3);
  paintMap(same, { x: 0, y: 0, size: 3 }, Float32Array.of(1, 0, 1, 0.25, 0, 0.75), 3, shades);
  expect([...same.pixels]).toEqual([256, 0, 0, 1, 256, 0, 129, 1, 222]);
  const small = sheet(1);
  paintMap(small, { x: 0, y: 0, size: 1 }, Float32Array.of(0.25, 0, 0.25), 2, shades);
  expect([...small.pixels]).toEqual([129]);
});

test("the view names the query and the mean that is shown", async () => {
  const { root } = await show(attentionView, STATE, answering());
  expect(root.dataset).toMatchObject({ view: "attention", state: "ready" });
  expect(text(root, ".tb-att-question")).toBe("Attention from position 2 ·of, which predicts step 0");
  expect(text(root, "h3")).toBe("All layers, mean over heads");
  expect(text(root, ".tb-detail")).toBe("largest weight: The (position 0), 0.37, all layers, mean over heads");
  expect(text(root, ".tb-att-sink")).toBe("sink 0.25");
  expect(text(root, ".tb-legend")).toContain("square-root colour scale");
  expect(text(root, "p.tb-note")).toContain("rounded by at most 0.004, small ones by less (0.0004 at 0.01)");
  expect(all(root, ".tb-legend text").map((el) => el.textContent)).toEqual(["0", "0.01", "0.1", "0.5", "1"]);
});

test("slices are requested for the answer that is shown", async () => {
  const { root, sent } = await show(attentionView, STATE, answering({ answer: "7" }));
  await click(cell(root, 3, 2));
  expect(sent.filter(({ slice }) => slice).map(({ of }) => of)).toEqual(["7", "7"]);
});

test("without sinks there is no box for the sink", async () => {
  const { root } = await show(
    attentionView,
    STATE,
    answering({ sinks: false }, (whose) => sliceTree(whose, false)),
  );
  expect(root.querySelector(".tb-att-sink")).toBeNull();
});

test("a click selects a layer and a head, and shows their weights", async () => {
  const { root, fields } = await show(attentionView, STATE, answering());
  await click(cell(root, 3, 2));
  expect(fields()).toMatchObject({ layer: 3, head: 2, step: 0, query: 2 });
  expect(chosen(root, ".tb-att-cell")).toEqual([cell(root, 3, 2)]);
  expect(text(root, "h3")).toBe("Layer 3, head 2");
  expect(all(root, ".tb-piece .tb-att-figure").map((el) => el.textContent)).toEqual(["0.25", "", "0.25", "", "", ""]);
  await click(one(root, '.tb-att-layer[data-layer="1"]'));
  expect(fields()).toMatchObject({ layer: 1, head: null });
  expect(text(root, "h3")).toBe("Layer 1, mean over heads");
});

test("arrow keys move over layers and heads, newest layer on top, with one stop", async () => {
  const { root, fields } = await show(attentionView, STATE, answering());
  expect(all(root, ".tb-att-layer").map((el) => el.textContent)).toEqual(["mean", "3", "1"]);
  await click(cell(root, 3, 0));
  press("ArrowRight");
  expect(fields()).toMatchObject({ layer: 3, head: 2 });
  press("ArrowDown");
  expect(fields()).toMatchObject({ layer: 1, head: 2 });
  press("Home");
  expect(fields()).toMatchObject({ layer: 1, head: null });
  expect(all(root, ".tb-att-cell").filter((el) => el.tabIndex === 0)).toEqual([document.activeElement]);
  expect(press("a")).toBe(true);
});

test("every mean has a small map, and a label selects the mean of its row or column", async () => {
  const { root, fields } = await show(attentionView, STATE, { ...answering(), fields: { layer: 3, head: 2 } });
  const names = (selector: string) => chosen(root, selector).map((el) => el.textContent);
  const said = () => [fields().layer, fields().head, text(root, "h3"), names(".tb-att-layer"), names(".tb-att-head")];
  await click(one(root, '.tb-att-head[data-head="2"]'));
  expect(said()).toEqual([null, 2, "Head 2, mean over layers", ["mean"], ["2"]]);
  await click(one(root, '.tb-att-layer[data-layer="3"]'));
  expect(said()).toEqual([3, null, "Layer 3, mean over heads", ["3"], ["mean"]]);
  // Back from one layer to all, by keys.
  press("PageUp");
  await settled();
  expect(said()).toEqual([null, null, "All layers, mean over heads", ["mean"], ["mean"]]);
  press("ArrowRight");
  await settled();
  expect(said()).toEqual([null, 0, "Head 0, mean over layers", ["mean"], ["0"]]);
  await click(one(root, ".tb-att-head"));
  expect(said().slice(0, 3)).toEqual([null, null, "All layers, mean over heads"]);
  expect(chosen(root, ".tb-att-cell").map((el) => el.title)).toEqual(["all layers, mean over heads"]);
});

test("a click on a token or an arrow key selects the key, and the line has its weight", async () => {
  const { root, fields } = await show(attentionView, STATE, { ...answering(), fields: { layer: 3, head: 2 } });
  all(root, ".tb-piece")[2]?.click();
  // The same fields as in the rollout: the query stays.
  expect(fields()).toMatchObject({ key: 2, token: 2, query: 2, step: 0 });
  expect(text(root, ".tb-detail")).toBe("·of (position 2): weight 0.25, layer 3, head 2");
  press("ArrowLeft");
  expect(fields().key).toBe(1);
  expect(text(root, ".tb-detail")).toBe("·city (position 1): weight <0.001, layer 3, head 2");
  press("End");
  expect(fields().key).toBe(2);
  // Later tokens are no keys.
  all(root, ".tb-piece")[4]?.click();
  expect(fields().key).toBe(2);
  expect(all(root, ".tb-piece")[4]?.getAttribute("aria-label")).toContain("comes after the query");
  expect(all(root, '.tb-piece[aria-disabled="true"]').map((el) => el.dataset.key)).toEqual(["3", "4", "5"]);
});

test("a row label of the large map selects the query, and the step that it predicts", async () => {
  const { root, fields } = await show(attentionView, STATE, { ...answering(), fields: { layer: 3, head: 2 } });
  const row = (query: number) => one(root, `.tb-sheet-row[data-query="${query}"]`);
  one(row(3), ".tb-sheet-label").click();
  expect(fields()).toMatchObject({ query: 3, step: 1, token: null, key: null, layer: 3, head: 2 });
  expect(text(root, ".tb-att-question")).toBe("Attention from position 3 ·Paris, which predicts step 1");
  expect(chosen(root, ".tb-sheet-row")).toEqual([row(3)]);
});

test("in the large map arrow keys move the focused cell, which has a label, and Enter selects its query and key", async () => {
  const { root, fields } = await show(attentionView, STATE, { ...answering(), fields: { layer: 3, head: 2, key: 1 } });
  const cursor = one(root, ".tb-sheet-cursor");
  cursor.focus();
  press("ArrowUp");
  expect(cursor.dataset).toMatchObject({ query: "1", key: "1" });
  expect(cursor.getAttribute("aria-label")).toContain("from position 1 ⁨·city⁩ to position 1 ⁨·city⁩: weight 0.25, layer");
  expect(text(root, ".tb-detail")).toBe("·city (position 1): weight 0.25, layer 3, head 2, from position 1");
  expect(cursor.getAttribute("aria-selected")).toBe("false");
  // Nothing comes after the query.
  press("ArrowRight");
  expect(cursor.dataset.key).toBe("1");
  expect(fields()).toMatchObject({ query: 2, key: 1 });
  press("ArrowLeft");
  press("Enter");
  expect(fields()).toMatchObject({ query: 1, key: 0, token: 1, layer: 3 });
  expect(document.activeElement).toBe(cursor);
  expect(cursor.getAttribute("aria-selected")).toBe("true");
  expect(chosen(root, ".tb-sheet-key").map((el) => el.dataset.key)).toEqual(["0"]);
  expect(press("a")).toBe(true);
});

test("a click on a cell selects its query and its key", async () => {
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
  await settled();
  expect(text(root, ".tb-att-question")).toBe("Attention from position 4 ↵, which predicts step 2");
  expect(text(root, ".tb-detail")).toBe("The (position 0): weight 1.00, layer 1, head 0");
});

test("the CSV is the row of the selected head, with the bounds of each weight", () => {
  const made = decode(traceTree()) as Text;
  expect(numbers(head(1, 2), made, 1).split("\r\n")).toEqual([
    "layer,head,query,key,token_id,text,weight,sink,exact,least,most",
    "1,2,1,0,0,The,0,0,0,0,0.00000384468",
    "1,2,1,1,1, city,1,0,0,0.996082,1",
    "",
  ]);
  expect(numbers(head(1, null), made, 0)).toContain("\r\n1,mean,0,0,");
  expect(numbers(head(null, null), made, 0)).toContain("\r\nmean,mean,0,0,");
  expect(numbers(head(null, 2), made, 0)).toContain("\r\nmean,2,0,0,");
  expect(numbers(sliceOf(decode(sliceTree({ layer: 1, head: 2 }, false)), LENGTH), made, 1)).toContain(
    ",weight,exact,least,most\r\n",
  );
  const compact = numbers(sliceOf(decode(compactTree({ layer: 3, head: 2 })), LENGTH), made, 2);
  const columns = compact.split("\r\n").map((line) => line.split(",").slice(-4));
  expect(columns).toEqual([
    ["weight", "exact", "least", "most"],
    ["0.250015", "1", "0.249985", "0.250046"],
    ["0.0177778", "0", "0.01", "0.0277778"],
    ["0.250015", "1", "0.249985", "0.250046"],
    [""],
  ]);
});

test("the note describes the compact form, with the sum of the rest of the row", async () => {
  const { root } = await show(attentionView, STATE, {
    ...answering({ sinks: false }, compactTree),
    fields: { layer: 3, head: 2 },
  });
  expect(text(root, "p.tb-note")).toContain("The 16 largest weights of each row are exact");
  expect(text(root, "p.tb-note")).toContain("In row 2 the others sum to 0.20");
  expect(all(root, ".tb-att-figure").map((el) => el.textContent)).toEqual(["0.25", "≈0.02", "0.25", "", "", ""]);
  await click(all(root, ".tb-piece")[1]);
  expect(text(root, ".tb-detail")).toBe("·city (position 1): weight about 0.02 (0.01 to 0.03), layer 3, head 2");
  await click(all(root, ".tb-piece")[0]);
  expect(text(root, ".tb-detail")).toBe("The (position 0): weight 0.25, layer 3, head 2");
});

test("the bounds of a level are never too narrow", () => {
  const weights = Float32Array.from([0, 1, 3, 5, 15], (level) => (level / 15) ** 2);
  const row = Float32Array.from([...Array(10).fill(0), ...weights]);
  const slice = { layer: 1, head: 0, length: 5, weights: row, sink: null, exact: new Uint8Array(15), rest: new Float32Array(5) };
  const said = [0, 1, 2, 3, 4].map((at) => share(slice, 4, at).replace(", layer 1, head 0", ""));
  // A level reaches from half a step below to half a step above: 0 to 0.0011, 0.0278 to 0.0544, 0.0900 to 0.1344, 0.9344 to 1.
  expect(said).toEqual([
    "less than 0.002",
    "about 0.004 (0.001 to 0.01)",
    "about 0.04 (0.02 to 0.06)",
    "about 0.11 (0.09 to 0.14)",
    "about 1.00 (0.93 to 1.00)",
  ]);
});

test("while a slice is loading the old one stays, then the view says so; an error is a sentence with its Python", async () => {
  vi.useFakeTimers();
  const asked: Message[] = [];
  const reply = (message: Message) => {
    const whose = message.slice as Whose | undefined;
    if (whose?.layer !== 1) return answering().reply(message);
    asked.push(message);
    return undefined;
  };
  const { root, say } = await show(attentionView, STATE, { reply, fields: { layer: 3, head: 2 } });
  await click(cell(root, 1, 0));
  expect(chosen(root, ".tb-att-cell")).toEqual([cell(root, 1, 0)]);
  expect(text(root, "h3")).toBe("Layer 3, head 2");
  expect(text(root, ".tb-trouble")).toBe("");
  vi.advanceTimersByTime(200);
  expect(text(root, ".tb-trouble")).toBe("Loading layer 1, head 0 …");
  expect(one(root, ".tb-att-chosen").getAttribute("aria-busy")).toBe("true");
  say({ kind: "error", id: asked[0]?.id, error: "This saved page does not have this answer.", absent: true, code: "tb.X()" });
  await settled();
  expect(text(root, ".tb-trouble")).toBe(
    "Cannot show layer 1, head 0: This saved page does not have this answer. This Python computes it: tb.X() Copy code",
  );
  expect(one(root, ".tb-att-chosen").getAttribute("aria-busy")).toBe("false");
  await click(cell(root, 3, 0));
  expect(text(root, ".tb-trouble")).toBe("");
  expect(text(root, "h3")).toBe("Layer 3, head 0");
  vi.useRealTimers();
});

test("a lost request for a slice is sent again after the kernel answers a ping, also in a view alone", async () => {
  vi.useFakeTimers();
  let lost = true;
  const reply = (message: Message) => {
    if (message.kind === "ping") return { kind: "pong" };
    return (message.slice as Whose | undefined)?.layer === 1 && lost ? undefined : answering().reply(message);
  };
  const { root } = await show(attentionView, STATE, { reply, fields: { layer: 3, head: 2 } });
  await click(cell(root, 1, 0));
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(text(root, ".tb-trouble")).toContain("Waiting for the kernel");
  lost = false;
  await vi.advanceTimersByTimeAsync(PING_MS);
  expect([text(root, ".tb-trouble"), text(root, "h3")]).toEqual(["", "Layer 1, head 0"]);
  vi.useRealTimers();
});

test("without position 0 the scale ends at the largest other weight, and the legend says so; no number changes", async () => {
  const { root } = await show(attentionView, STATE, { ...answering(), fields: { query: 4, layer: null, head: 2 } });
  const button = one(root, "[aria-pressed]");
  const figures = () => all(root, ".tb-att-figure").map((el) => el.textContent);
  const [before, ground] = [figures(), () => all(root, ".tb-piece > .tb-token").map((el) => el.style.background)];
  const whole = ground();
  button.click();
  expect(button.getAttribute("aria-pressed")).toBe("true");
  const most = "scale: 0 to 0.63, the largest weight in this row except position 0; the small maps keep 0 to 1";
  expect(text(root, ".tb-scale-note > :not([data-out])")).toBe(most);
  expect(all(root, ".tb-legend text").map((el) => el.textContent)).toEqual(["0", "0.063", "0.31", "0.63"]);
  expect(figures()).toEqual(before);
  expect(all(root, "[data-left-out]").map((el) => el.dataset.key)).toEqual(["0"]);
  expect([whole[0] === "", ground()[0], ground()[4] === whole[4]]).toEqual([false, "", false]);
  // Lines are drawn where the words stand, when all listeners have run.
  await Promise.resolve();
  expect(all(root, ".tb-att-lines polyline").map((el) => el.dataset.key)).toEqual(["4"]);
  button.click();
  expect([ground(), figures()]).toEqual([whole, before]);
});

test("if only position 0 has weight, the legend names no other largest weight", async () => {
  const { root } = await show(attentionView, STATE, { ...answering(), fields: { query: 4, layer: 1, head: 0 } });
  one(root, "[aria-pressed]").click();
  expect(text(root, ".tb-scale-note > :not([data-out])")).toBe("scale: only position 0 has weight in this row");
  expect(one(root, ".tb-legend-scale").getAttribute("aria-label")).toBe("Square-root colour scale from 0 to 1");
});

test("lines go from the query to the keys with the largest weights", async () => {
  const { root } = await show(attentionView, STATE, { ...answering(), fields: { query: 4, layer: 3, head: 2 } });
  const drawn = all(root, ".tb-att-lines polyline").map(({ dataset }) => [dataset.query, dataset.key, Number(dataset.weight)]);
  expect(drawn).toEqual([
    ["4", "4", expect.closeTo(0.25, 2)],
    ["4", "0", expect.closeTo(0.25, 2)],
  ]);
});

test("an answer that cannot be shown is one error, not several", async () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  const { root } = await show(attentionView, STATE, answering({ checks: null }));
  expect([root.dataset.state, said.mock.calls.length]).toEqual(["error", 1]);
  expect(root.textContent).toContain("null");
  said.mockRestore();
});

test("attention of another text is refused", async () => {
  const silent = vi.spyOn(console, "error").mockImplementation(() => {});
  const { root } = await show(attentionView, { ...STATE, _traces: [traceTree([0, 1, 2, 3], 3)] }, answering());
  expect(root.dataset.state).toBe("error");
  expect(root.textContent).toContain("The attention has 6 tokens, but the text has 4.");
  silent.mockRestore();
});
