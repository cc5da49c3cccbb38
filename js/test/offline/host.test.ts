import { afterEach, beforeEach, expect, test, vi } from "vitest";
import workbench from "../../src/bench/workbench";
import generation from "../../src/generation/view";
import lensTable from "../../src/lens_table/view";
import { boundsOf } from "../../src/offline/bounds";
import { openPage } from "../../src/offline/host";
import { bakedKernel } from "../../src/offline/kernel";
import { formatHash, parseHash, wholeHash } from "../../src/offline/link";
import { StaticModel } from "../../src/offline/model";
import type { SavedPage, SavedWidget } from "../../src/offline/page";
import { chunksOf, readPage } from "../../src/offline/page";
import answersModel from "../../src/requests/answers_model";
import type { AskError, MessageModel } from "../../src/requests/ask";
import { Answers, isAbsent } from "../../src/requests/ask";
import { requestKey, sliceKey } from "../../src/requests/request";
import selectionModel from "../../src/selection_model";
import traceModel from "../../src/trace_model";
import type { LabeledArray } from "../../src/wire";
import { all, lensTree, one, packed, REQUEST, settled, traceTree } from "../made";

const MODULES: Record<string, object> = { selectionModel, answersModel, traceModel, generation, lensTable, workbench };
const loaded: string[] = [];
let life = new AbortController();
const load = async (code: string) => {
  loaded.push(code);
  return { default: MODULES[code] };
};

/** A page's block, as Python writes it. */
async function block(contents: object): Promise<string> {
  const buffers: Uint8Array[] = [];
  let size = 0;
  const json = JSON.stringify(contents, (_, value) => {
    if (!(value instanceof DataView)) return value;
    const padded = new Uint8Array(Math.ceil(value.byteLength / 8) * 8);
    padded.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    const place = [size, value.byteLength];
    buffers.push(padded);
    size += padded.length;
    return { $buffer: place };
  });
  const text = new TextEncoder().encode(json);
  const raw = new Uint8Array(4 + text.length + size);
  new DataView(raw.buffer).setUint32(0, text.length, true);
  raw.set(text, 4);
  let at = 4 + text.length;
  for (const each of buffers) {
    raw.set(each, at);
    at += each.length;
  }
  const deflated = await new Response(new Blob([raw]).stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer();
  return btoa(Array.from(new Uint8Array(deflated), (byte) => String.fromCharCode(byte)).join(""));
}

function contents(baked: object = { [requestKey(REQUEST)]: lensTree() }) {
  const links = { selection: "anywidget:w3", _answers: "anywidget:w4", _traces: ["anywidget:w5"] };
  const bench = { kind: "workbench", code: "", continues: [1], notes: [null] };
  const questions = [["Why?"], ["Why newline?"], ["Why end?"]];
  return {
    format: 2,
    root: "w0",
    title: "t",
    provenance: [{}],
    baked,
    code: {
      h0: "workbench",
      h1: "generation",
      h2: "lensTable",
      h3: "selectionModel",
      h4: "answersModel",
      h5: "traceModel",
      c: ".x { color: red }",
    },
    widgets: {
      w0: {
        esm: "h0",
        css: "c",
        state: { ...links, _data: bench, views: ["anywidget:w1", "anywidget:w2"], _stems: ["generation", "lens_table"] },
      },
      w1: { esm: "h1", css: "c", state: { ...links, _requests: [null] } },
      w2: { esm: "h2", css: null, state: { ...links, _requests: [REQUEST] } },
      w3: { esm: "h3", css: null, state: { _state: { seq: 1, fields: { trace: 0, step: 0, query: 2 } } } },
      w4: { esm: "h4", css: null, state: { _offline: true } },
      w5: { esm: "h5", css: null, state: { _data: traceTree(undefined, 3, { questions }) } },
    },
  };
}

async function open(page: object | string): Promise<HTMLElement> {
  const main = document.createElement("main");
  main.textContent = "The summary.";
  const script = document.createElement("script");
  script.type = "application/tracebench";
  script.id = "tracebench-state";
  script.textContent = typeof page === "string" ? page : await block(page);
  document.body.replaceChildren(main, script);
  life = new AbortController();
  await openPage(document, load, life.signal);
  await settled();
  return document.body;
}

beforeEach(() => {
  loaded.length = 0;
  document.head.replaceChildren();
  history.replaceState(null, "", "#");
});
afterEach(() => {
  life.abort();
  vi.restoreAllMocks();
});

test("the bench stands in place of the static part, its views linked", async () => {
  const body = await open(contents());
  expect(body.textContent).not.toContain("The summary.");
  expect(all(body, "[data-view]").map(({ dataset }) => [dataset.view, dataset.state])).toEqual([
    ["workbench", "ready"],
    ["generation", "ready"],
    ["lens_table", "ready"],
  ]);
  one(body, '[data-view="lens_table"] [data-layer="1"][data-token="3"]').click();
  expect(one(body, '[data-view="generation"] [role=option][data-step="1"]').getAttribute("aria-selected")).toBe("true");
  expect(one(body, "h1").textContent).toBe("Why newline?");
});

test("code is loaded once per text, style sheets likewise", async () => {
  await open(contents());
  expect(loaded.toSorted()).toEqual(["answersModel", "generation", "lensTable", "selectionModel", "traceModel", "workbench"]);
  expect(all(document.head, "style").filter((style) => style.textContent?.includes(".x {"))).toHaveLength(1);
});

test("an answer that the page does not have is absent, with the Python that computes it", async () => {
  const body = await open(contents({}));
  const view = one(body, '[data-view="lens_table"]');
  expect(view.dataset.state).toBe("absent");
  expect(view.textContent).toContain("This saved page does not have this answer.");
  expect(view.textContent).toContain(REQUEST.code);
  expect(one(body, '[data-view="generation"]').dataset.state).toBe("ready");
});

test("an answer that failed when the page was saved says why", async () => {
  const body = await open(contents({ [requestKey(REQUEST)]: { $error: "the model gives NaN in layer 3" } }));
  const view = one(body, '[data-view="lens_table"]');
  expect(view.dataset.state).toBe("error");
  expect(view.textContent).toContain("the model gives NaN in layer 3");
  expect(one(body, '[data-view="generation"]').dataset.state).toBe("ready");
});

test("a slice beside the block is inflated when it is requested", async () => {
  const [slice, other] = [
    { layer: 3, head: null },
    { layer: 9, head: 0 },
  ];
  const tree = { weights: packed([0.5, 0.25], { cell: 2 }) };
  const script = (id: string, text: string) =>
    Object.assign(document.createElement("script"), { id, type: "x", textContent: text });
  document.body.append(script("tracebench-chunk-0", await block(tree)), script("tracebench-chunk-1", "bm90IGRlZmxhdGVk"));
  const broken = { layer: 4, head: null };
  const table = { [sliceKey(REQUEST, slice)]: { $chunk: 0 }, [sliceKey(REQUEST, broken)]: { $chunk: 1 } };
  const model = new StaticModel({ _offline: true }, bakedKernel(table, chunksOf(document)));
  const answers = new Answers(model as unknown as MessageModel);
  const { weights } = (await answers.ask(REQUEST, { slice })) as { weights: LabeledArray };
  expect([...weights.values]).toEqual([0.5, 0.25]);
  await expect(answers.ask(REQUEST, { slice: broken })).rejects.toThrow("This part of the page cannot be read");
  const absent = await answers.ask(REQUEST, { slice: other }).catch((error: unknown) => error);
  expect([isAbsent(absent), (absent as AskError).code]).toEqual([true, REQUEST.code]);
});

test("an answer that arrives in parts arrives so in a page too", async () => {
  const table = { [requestKey(REQUEST)]: { $parts: [{ n: 1 }, { n: 2 }], $last: { n: 3 } } };
  const model = new StaticModel({ _offline: true }, bakedKernel(table, chunksOf(document)));
  const onPart = vi.fn();
  const answer = await new Answers(model as unknown as MessageModel).ask(REQUEST, { onPart });
  expect([...onPart.mock.calls.flat(), answer]).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test("a page of a later format says what to do", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const body = await open({ ...contents(), format: 3 });
  expect(body.textContent).toContain("The summary.");
  expect(one(body, "main [role=alert]").textContent).toContain("the page has format 3, but this reader knows formats up to 2");
});

/** A page of two texts: the second has one prompt token and one step. */
function contentsOfTwo() {
  const page = contents();
  const second = traceTree([1, 2], 1, { hash: "u", title: "A city" });
  const about = { ...REQUEST, traces: ["u"] };
  const references = ["anywidget:w5", "anywidget:w6"];
  for (const name of ["w0", "w1", "w2"] as const) page.widgets[name].state._traces = references;
  page.widgets.w2.state = { ...page.widgets.w2.state, _requests: [REQUEST, about] } as never;
  const w6 = { esm: "h5", css: null, state: { _data: second } };
  const baked = { ...page.baked, [requestKey(about)]: lensTree(2, 3, { traces: ["u"], answer_layers: [0] }) };
  return { ...page, baked, widgets: { ...page.widgets, w6 } };
}

test("an address names the text, and everything follows", async () => {
  history.replaceState(null, "", "#trace=1");
  const body = await open(contentsOfTwo());
  const tokens = () => all(body, '[data-view="generation"] [role=option]').length;
  expect([tokens(), one(body, '[data-view="lens_table"]').dataset.state]).toEqual([2, "ready"]);
  history.replaceState(null, "", "#trace=0&step=2");
  dispatchEvent(new Event("hashchange"));
  await settled();
  expect(tokens()).toBe(6);
  expect(one(body, '[data-view="generation"] [role=option][data-step="2"]').getAttribute("aria-selected")).toBe("true");
  const select = one(body, ".tb-text-chooser select") as HTMLSelectElement;
  expect(select.value).toBe("0");
  await vi.waitFor(() => expect(location.hash).toBe("#trace=0&step=2"));
});

test("an address selects, and follows what is selected", async () => {
  history.replaceState(null, "", "#step=1&layer=0");
  const body = await open(contents());
  expect(one(body, '[data-view="lens_table"] [role=gridcell][aria-selected="true"]').dataset).toMatchObject({
    layer: "0",
    token: "3",
  });
  one(body, '[data-view="generation"] [role=option][data-step="2"]').click();
  expect(location.hash).toBe("#step=2&layer=0&token=5");
});

test("a block that cannot be read leaves the static part, and says so", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const body = await open("bm90IGRlZmxhdGVk");
  expect(one(body, "main").hidden).toBe(false);
  expect(body.textContent).toContain("The summary.");
  expect(one(body, "main [role=alert]").textContent).toContain("The interactive part could not be shown");
  expect(all(body, "main")).toHaveLength(1);
});

test("a bench that fails leaves the static part", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const page = contents();
  page.widgets.w0.state._traces = ["anywidget:gone"];
  const body = await open(page);
  expect(body.textContent).toContain("The summary.");
  expect(all(body, "[data-view]")).toEqual([]);
});

test("buffers are found again, byte for byte", async () => {
  const page = await readPage(
    await block({
      a: [new DataView(Uint8Array.of(1, 2, 3).buffer), { b: new DataView(Uint8Array.of(9).buffer) }],
      baked: {},
      root: "שלום",
    }),
  );
  const { a, root } = page as unknown as { a: [DataView, { b: DataView }]; root: string };
  expect([a[0].byteLength, a[0].getUint8(2), a[1].b.getUint8(0), root]).toEqual([3, 3, 9, "שלום"]);
});

const TRACE = { prompt_length: 3, steps: 3 };
const BOUNDS = [{ ...TRACE, model: { layers: 3, heads: 2 } }];
const TWO = [...BOUNDS, { prompt_length: 1, steps: 2, model: { layers: 1, heads: null } }];
const NOWHERE: typeof BOUNDS = [];

test("an address with wrong fields is read safely", () => {
  expect(parseHash("#step=2&layer=-1", BOUNDS)).toEqual({ step: 2, token: null, query: 4, layer: -1 });
  expect(parseHash("#step=1&query=0", BOUNDS)).toEqual({ step: 1, token: null, query: 0 });
  expect(parseHash("#step=x&site=<b>&other=1", BOUNDS)).toEqual({});
  expect(parseHash("", NOWHERE)).toEqual({});
  expect(parseHash("#layer=99", NOWHERE)).toEqual({ layer: 99 });
});

test("a field of an address outside of its axis is ignored, and the others count", () => {
  expect(parseHash("#step=2&layer=2&head=1&token=5&query=5&key=0", BOUNDS)).toEqual({
    ...{ step: 2, layer: 2, head: 1, token: 5, query: 5, key: 0 },
  });
  expect(parseHash("#step=3&layer=3&head=2&token=6&query=6&key=-1&rank=-1", BOUNDS)).toEqual({});
  expect(parseHash("#layer=99&query=999&step=1", BOUNDS)).toEqual({ step: 1, token: null, query: 3 });
  expect(parseHash("#layer=-2&head=0", BOUNDS)).toEqual({ head: 0 });
});

test("an address that replaces another clears what it leaves out", () => {
  expect(wholeHash("#step=1", BOUNDS)).toEqual({ step: 1, query: 3, layer: null, token: null, head: null });
  expect(wholeHash("#layer=9&step=1", BOUNDS)).toEqual({ step: 1, query: 3, token: null, head: null });
  expect(wholeHash("#anchor", BOUNDS)).toEqual({});
});

test("the axes are those of the page, and its layers also those of the stored answers", () => {
  const page = contents() as unknown as SavedPage;
  expect(boundsOf(page)).toEqual(BOUNDS);
  const { w5 } = page.widgets as { w5: SavedWidget };
  const text = { ...page, widgets: { ...page.widgets, w5: { ...w5, state: { _data: { ...TRACE, hash: "t" } } } } };
  expect(boundsOf(text)).toEqual([{ ...TRACE, model: { layers: 3, heads: null } }]);
});

test("the axes of an address are those of the text that it names, else of the selected one", () => {
  expect(parseHash("#trace=1&step=1&layer=2", TWO, { trace: 0, step: 2, layer: 2 })).toEqual({
    ...{ trace: 1, step: 1, query: 1, token: null, layer: null, key: null, head: null },
  });
  expect(parseHash("#trace=1", TWO, { trace: 0, step: 2, query: 4, rank: 3 })).toMatchObject({
    trace: 1,
    step: 0,
    query: 0,
    rank: 3,
  });
  expect(parseHash("#trace=2&step=2", TWO, { trace: 1 })).toEqual({});
  expect(parseHash("#step=2", TWO, { trace: 0 })).toEqual({ step: 2, token: null, query: 4 });
  expect(wholeHash("#trace=1", TWO, { trace: 0, step: 1, query: 3, layer: 0, token: 1 })).toMatchObject({
    ...{ trace: 1, step: 1, query: 1, layer: null, token: null },
  });
  expect(formatHash({ trace: 1, step: 1, query: 1 }, TWO)).toBe("#trace=1&step=1");
});

test("many quick changes write few addresses, the last one among them; a refused one is no error", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const body = await open(contents());
  vi.useFakeTimers();
  const replace = vi.spyOn(history, "replaceState").mockImplementation(() => {
    throw new Error("too many calls");
  });
  for (let i = 0; i < 50; i++) one(body, `[data-view="generation"] [role=option][data-step="${i % 3}"]`).click();
  vi.advanceTimersByTime(5_000);
  expect(replace.mock.calls.length).toBeLessThanOrEqual(2);
  expect(replace.mock.lastCall?.[2]).toBe("#step=1&token=4");
  vi.useRealTimers();
});

test("the address follows the selection of the bench, not of some other widget", async () => {
  const page = contents();
  const other = { esm: "h3", css: null, state: { _state: { seq: 1, fields: {} } } };
  page.widgets = { a0: other, ...page.widgets } as typeof page.widgets;
  const body = await open(page);
  one(body, '[data-view="generation"] [role=option][data-step="2"]').click();
  expect(location.hash).toBe("#step=2&token=5");
});

test("an address leaves out what follows from the step", () => {
  expect(formatHash({ step: 2, query: 4, layer: 23 }, BOUNDS)).toBe("#step=2&layer=23");
  expect(formatHash({ step: 2, query: 0, token: 0 }, BOUNDS)).toBe("#step=2&token=0&query=0");
  expect(formatHash({ step: null, query: 3, token: [1, 2] }, BOUNDS)).toBe("#query=3");
});
