import { afterEach, expect, test, vi } from "vitest";
import { chart } from "../../src/lens_table/chart";
import { modes } from "../../src/lens_table/modes";
import { numbers } from "../../src/lens_table/numbers";
import type { Lens } from "../../src/lens_table/result";
import { series } from "../../src/lens_table/series";
import lensTable from "../../src/lens_table/view";
import { PING_MS, SILENCE_MS } from "../../src/requests/liveness";
import type { Text } from "../../src/trace";
import { decode } from "../../src/wire";
import { all, CHECK, key, lensTree, type Message, one, packed, REQUEST, resizes, settled, show, traceTree } from "../made";

const STATE = { _traces: [traceTree()], _requests: [REQUEST] };
const answered = (change: object = {}) => ({
  reply: ({ kind }: Message) => (kind === "ask" ? { kind: "answer", result: lensTree(6, 3, change) } : undefined),
});
const text = (el: Element) => el.textContent ?? "";
const cell = (root: Element, layer: number, token: number) => one(root, `[data-layer="${layer}"][data-token="${token}"]`);
const watchedBy = (request: Message["request"]) => (request?.params.watch ?? []) as unknown[];
const selectedCells = (root: Element) =>
  all(root, '[role=gridcell][aria-selected="true"]').map(({ dataset }) => [Number(dataset.layer), Number(dataset.token)]);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

test("it sends its request, and is ready when the answer arrives", async () => {
  const { root, sent } = await show(lensTable, STATE, answered());
  expect(sent.map(({ kind, request }) => [kind, request])).toEqual([["ask", REQUEST]]);
  expect(root.dataset).toMatchObject({ view: "lens_table", state: "ready" });
});

test("rows are the layers, the last on top and the embedding below; columns are named by the text", async () => {
  const { root } = await show(lensTable, STATE, answered());
  expect(all(root, "[role=rowheader]").map(text)).toEqual(["2", "1", "0", "embed"]);
  expect(all(root, ".tb-grid-token").map(text)).toEqual(["The", "·city", "·of", "·Paris", "↵", "<|im_end|>"]);
  expect(all(root, ".tb-grid-number").map(text)).toEqual(["0", "1", "2", "3", "4", "5"]);
  expect(text(cell(root, 2, 0))).toBe("·Paris");
  expect(text(cell(root, -1, 0))).toBe("·Rome");
});

test("the line above explains the cells and the signs that occur", async () => {
  const said = async (change: object, ids?: number[]) => {
    const state = { ...STATE, _traces: [traceTree(ids)] };
    const reply = () => ({ kind: "answer", result: lensTree(6, 3, change) });
    const { root } = await show(lensTable, state, { reply });
    return text(one(root, ".tb-lens-table-part > .tb-note"));
  };
  expect(await said({})).toContain("· is a space, ↵ is a line break, embed is the embedding, before any layer.");
  const rare = { 3: ["\u00a0", "⍽", "space"], 8: ["", "x⟨F0 9F⟩", "bytes"] };
  expect(await said({ vocab: rare })).toContain("⍽ is a no-break space, ⟨F0 9F⟩ is bytes of a character");
  const dot = { 3: ["·", "·", "text"], 8: ["x", "x", "text"] };
  expect(await said({ vocab: dot }, [0, 0, 0, 5, 5, 6])).not.toMatch(/space|break|tab/);
});

test("the selected cell, its row and its column are marked", async () => {
  const { root, selection } = await show(lensTable, STATE, answered());
  expect(selectedCells(root)).toEqual([]);
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3, layer: -1 } });
  expect(selectedCells(root)).toEqual([[-1, 3]]);
  expect(one(root, '.tb-grid-name[aria-selected="true"]').dataset.token).toBe("3");
  expect(one(root, '[role=rowheader][aria-selected="true"]').dataset.layer).toBe("-1");
});

test("a layer or position that the lens lacks leaves the view complete", async () => {
  const { root, selection } = await show(lensTable, STATE, answered());
  selection.set("_state", { seq: 5, fields: { step: 1, query: 99, layer: 99 } });
  expect(text(one(root, ".tb-detail"))).toMatch(/^after the last layer, position 5 <\|im_end\|> predicts ·Paris 0\.800/);
  expect(text(one(root, ".tb-trajectory"))).not.toContain("–");
});

test("a click on a cell selects layer and position, and the step its row predicts", async () => {
  const { root, fields } = await show(lensTable, STATE, answered());
  cell(root, 1, 3).click();
  expect(fields()).toMatchObject({ layer: 1, query: 3, step: 1 });
  cell(root, 0, 0).click();
  expect(fields()).toMatchObject({ layer: 0, query: 0, step: 1 });
});

test("a click on the label of a row or column selects only that", async () => {
  const { root, fields } = await show(lensTable, STATE, answered());
  one(root, '[role=rowheader][data-layer="-1"]').click();
  expect(fields()).toMatchObject({ layer: -1, query: 2 });
  one(root, '.tb-grid-name[data-token="4"] .tb-grid-number').click();
  expect(fields()).toMatchObject({ layer: -1, query: 4, step: 2 });
});

test("arrow keys select a cell, and the line has it in full", async () => {
  const { root, fields } = await show(lensTable, STATE, answered());
  cell(root, 2, 2).focus();
  cell(root, 2, 2).click();
  key(document.activeElement as Element, "ArrowDown");
  key(document.activeElement as Element, "ArrowRight");
  expect((document.activeElement as HTMLElement).dataset).toMatchObject({ layer: "1", token: "3" });
  expect(fields()).toMatchObject({ layer: 1, query: 3, step: 1 });
  expect(text(one(root, ".tb-detail"))).toMatch(/^after layer 1, position 3 ·Paris predicts ·Paris 0\.533, ·Rome 0\.100/);
  key(document.activeElement as Element, "Home");
  expect(fields()).toMatchObject({ layer: 1, query: 0 });
  expect(all(root, '[role=gridcell][tabindex="0"]')).toHaveLength(1);
});

test("keys of the notebook are left to the notebook", async () => {
  const { root, fields } = await show(lensTable, STATE, answered());
  const at = cell(root, 2, 2);
  for (const modifier of ["shiftKey", "ctrlKey", "altKey", "metaKey"])
    for (const name of ["Enter", " ", "ArrowDown"]) expect(key(at, name, { [modifier]: true })).toBe(true);
  expect(fields().layer).toBeNull();
  expect(key(at, "ArrowDown")).toBe(false);
  expect(key(at, "End", { ctrlKey: true })).toBe(false);
  expect((document.activeElement as HTMLElement).dataset).toMatchObject({ layer: "-1", token: "5" });
});

test("the tint can mean probability, entropy or divergence; the legend has the numbers and the unit", async () => {
  const { root } = await show(lensTable, STATE, answered());
  expect(text(one(root, ".tb-legend"))).toBe("00.51probability of the token in the cell");
  const before = cell(root, -1, 0).style.background;
  one(root, '[data-option="kl"]').click();
  expect(text(one(root, ".tb-legend"))).toContain("02.5≥5KL to the last layer, nats");
  expect(cell(root, -1, 0).style.background).not.toBe(before);
  one(root, '[data-option="entropy"]').click();
  expect(text(one(root, ".tb-legend"))).toContain("nats");
});

test("only visible columns are in the page, and the selected one is visible", async () => {
  const ids = Array<number>(512).fill(1);
  const tree = lensTree(512, 80);
  const { root, selection } = await show(
    lensTable,
    { _traces: [traceTree(ids, 10)], _requests: [REQUEST] },
    { reply: () => ({ kind: "answer", result: tree }) },
  );
  expect(all(root, "[role=gridcell]").length).toBeLessThan(81 * 40);
  const grid = one(root, ".tb-grid");
  Object.defineProperty(grid, "clientWidth", { value: 800 });
  selection.set("_state", { seq: 5, fields: { step: 300, query: 309, layer: 79 } });
  // It scrolls when all listeners have run.
  await Promise.resolve();
  expect(selectedCells(root)).toEqual([[79, 309]]);
});

test("the lines: the last layer's best, what came next, values at the selected and the last layer", async () => {
  const { root, selection } = await show(lensTable, STATE, answered());
  selection.set("_state", { seq: 5, fields: { step: 0, query: 2, layer: 0 } });
  const rows = all(root, ".tb-values tbody tr").map((row) => [...row.children].map(text));
  expect(rows).toEqual([
    ["·Pariscame next", "0.267", "0.800"],
    ["·Rome", "0.400", "0.100"],
  ]);
  expect(text(one(root, ".tb-chart"))).toContain("top choice from layer 1");
  expect(one(root, '.tb-chart [data-layer="0"]').getAttribute("aria-selected")).toBe("true");
});

test("the title of the lines depends on whether the position predicts a step", async () => {
  const { root, selection } = await show(lensTable, STATE, answered());
  const heading = () => [text(one(root, ".tb-trajectory h3")), text(one(root, ".tb-trajectory .tb-note"))];
  expect(heading()).toEqual(["How did it rise over the layers?", "position 2: ·of · predicts step 0"]);
  selection.set("_state", { seq: 5, fields: { step: 0, query: 1 } });
  expect(heading()).toEqual(["What would come after ·city?", "position 1: ·city"]);
});

test("at another width the column of a layer is where the lines have it", async () => {
  const resized = resizes();
  const width = vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(900);
  const { root } = await show(lensTable, STATE, answered());
  const number = (el: Element, name: string) => Number(el.getAttribute(name));
  const middles = () => all(root, ".tb-chart [data-layer]").map((el) => number(el, "x") + number(el, "width") / 2);
  // The name of the axis is the last.
  const names = () => all(root, '.tb-chart text[text-anchor="middle"]').slice(0, -1);
  const seen: number[] = [];
  for (const now of [900, 420]) {
    width.mockReturnValue(now);
    resized();
    expect(names().map(text)).toEqual(["embed", "0", "1", "2"]);
    expect(middles()).toEqual(names().map((el) => expect.closeTo(number(el, "x"))));
    seen.push(middles().at(-1) as number);
  }
  expect(seen[0]).toBeGreaterThan(seen[1] as number);
});

test("a click on the lines selects a layer", async () => {
  const { root, fields } = await show(lensTable, STATE, answered());
  one(root, '.tb-chart [data-layer="-1"]').dispatchEvent(new MouseEvent("click", { bubbles: true }));
  expect(fields()).toMatchObject({ layer: -1, query: 2 });
});

test("the lines are a slider over the layers, with its value in words", async () => {
  const { root, selection, fields } = await show(lensTable, STATE, answered());
  const chart = one(root, ".tb-chart");
  const said = () => ["aria-valuemin", "aria-valuenow", "aria-valuemax", "aria-valuetext"].map((n) => chart.getAttribute(n));
  expect(said()).toEqual(["-1", "2", "2", "after the last layer: \u2068·Paris\u2069 0.800, \u2068·Rome\u2069 0.100"]);
  selection.set("_state", { seq: 5, fields: { step: 0, query: 2, layer: -1 } });
  expect(said()).toEqual(["-1", "-1", "2", "after the embedding: \u2068·Paris\u2069 0, \u2068·Rome\u2069 0.400"]);
  expect(key(chart, "ArrowRight")).toBe(false);
  expect(fields().layer).toBe(0);
  key(chart, "End");
  key(chart, "ArrowRight");
  expect(fields().layer).toBe(2);
});

test("the table has one stop for Tab, also when its cell is scrolled out of the page", async () => {
  const { root } = await show(
    lensTable,
    { _traces: [traceTree(Array<number>(512).fill(1), 10)], _requests: [REQUEST] },
    { reply: () => ({ kind: "answer", result: lensTree(512, 3) }) },
  );
  const grid = one(root, ".tb-grid");
  const stops = () => [grid, ...all(grid, "[tabindex]")].filter(({ tabIndex }) => tabIndex === 0);
  expect(stops().map(({ className }) => className)).toEqual(["tb-grid-cell"]);
  grid.scrollLeft = 20_000;
  grid.dispatchEvent(new Event("scroll"));
  expect(stops()).toEqual([grid]);
});

test("the header and the cells of a column share one index, after the row labels", async () => {
  const { root } = await show(lensTable, STATE, answered());
  const index = (el: Element) => el.getAttribute("aria-colindex");
  expect(all(root, "[role=columnheader]").map(index)).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
  expect(index(cell(root, 2, 5))).toBe("7");
  expect(all(root, "[role=rowheader]").map(index)).toEqual(["1", "1", "1", "1"]);
});

test("watching a token sends the request with one more token, and shows its line", async () => {
  const watched = packed(
    Array.from({ length: 24 }, () => 0.25),
    { layer: [-1, 0, 1, 2], token: 6, watched: [7] },
  );
  const { root, sent } = await show(lensTable, STATE, {
    reply: ({ request }) => ({
      kind: "answer",
      result: lensTree(6, 3, watchedBy(request).length > 0 ? { watched } : {}),
    }),
  });
  const input = one(root, ".tb-watch input") as HTMLInputElement;
  input.value = "·שלום";
  one(root, ".tb-watch").dispatchEvent(new Event("submit", { cancelable: true }));
  await settled();
  expect(sent.at(-1)?.request?.params).toEqual({ top: 2, watch: [" שלום"] });
  expect(text(one(root, ".tb-values"))).toContain("שלוםwatched");
  one(root, ".tb-forget").click();
  await settled();
  expect(sent.at(-1)?.request?.params).toEqual({ top: 2, watch: [] });
  expect(text(one(root, ".tb-values"))).not.toContain("watched");
});

const BROKEN = { ...CHECK, name: "last row = the model", kind: "identity", state: "broken" };

test("the checks are those of the answer that is shown", async () => {
  const { root } = await show(lensTable, STATE, {
    reply: ({ request }) => ({
      kind: "answer",
      result: lensTree(6, 3, watchedBy(request).length > 0 ? { checks: [BROKEN] } : {}),
    }),
  });
  expect(text(one(root, ".tb-check-word"))).toBe("✓ 1 of 1 check holds");
  (one(root, ".tb-watch input") as HTMLInputElement).value = " Rome";
  one(root, ".tb-watch").dispatchEvent(new Event("submit", { cancelable: true }));
  await settled();
  expect(all(root, ".tb-check-word").map(text)).toEqual(["✗ 0 of 1 check holds"]);
});

test("the button of a row removes its token, whatever its order and its name in the request", async () => {
  const request = { ...REQUEST, params: { top: 2, watch: [" Rome", 8, 7, " city"] } };
  const values = Array.from({ length: 72 }, () => 0.25);
  const watched = packed(values, { layer: [-1, 0, 1, 2], token: 6, watched: [8, 7, 1] });
  const { root, sent } = await show(
    lensTable,
    { ...STATE, _requests: [request] },
    { reply: ({ kind }) => (kind === "ask" ? { kind: "answer", result: lensTree(6, 3, { watched }) } : undefined) },
  );
  one(root, '[aria-label="Stop watching שלום"]').click();
  expect(sent.at(-1)?.request?.params.watch).toEqual([" Rome", 8, " city"]);
  await settled();
  one(root, '[aria-label="Stop watching ·Rome"]').click();
  expect(sent.at(-1)?.request?.params.watch).toEqual([" city"]);
});

test("while a watched token is loading none can be removed, and the request can be cancelled", async () => {
  const request = { ...REQUEST, params: { top: 2, watch: [7] } };
  const values = Array.from({ length: 24 }, () => 0.25);
  const watched = packed(values, { layer: [-1, 0, 1, 2], token: 6, watched: [7] });
  const { root, sent } = await show(
    lensTable,
    { ...STATE, _requests: [request] },
    {
      reply: ({ request }) =>
        watchedBy(request).length === 1 ? { kind: "answer", result: lensTree(6, 3, { watched }) } : undefined,
    },
  );
  (one(root, ".tb-watch input") as HTMLInputElement).value = " Rome";
  one(root, ".tb-watch").dispatchEvent(new Event("submit", { cancelable: true }));
  const forget = () => one(root, ".tb-forget") as HTMLButtonElement;
  const cancel = all(root, ".tb-watch button").find((each) => text(each) === "Cancel") as HTMLButtonElement;
  expect([forget().disabled, cancel.hidden]).toEqual([true, false]);
  cancel.click();
  await settled();
  expect(sent.at(-1)?.kind).toBe("cancel");
  expect([forget().disabled, cancel.hidden, text(one(root, ".tb-watch [role=status]"))]).toEqual([false, true, "Cancelled."]);
});

test("a token that cannot be watched is an error with the kernel's sentence", async () => {
  const { root } = await show(lensTable, STATE, {
    reply: ({ request }) =>
      watchedBy(request).length > 0
        ? { kind: "error", error: "“ Rome!” is 2 tokens: · Rome, !", absent: false }
        : { kind: "answer", result: lensTree() },
  });
  (one(root, ".tb-watch input") as HTMLInputElement).value = " Rome!";
  one(root, ".tb-watch").dispatchEvent(new Event("submit", { cancelable: true }));
  await settled();
  expect(text(one(root, ".tb-watch .tb-error"))).toContain("is 2 tokens");
  expect(root.dataset.state).toBe("ready");
});

test("a saved page offers nothing that needs a model", async () => {
  const { root } = await show(lensTable, STATE, { ...answered(), offline: true });
  expect(root.querySelector(".tb-watch")).toBeNull();
});

test("while it is computed there is progress, and it can be cancelled and asked again", async () => {
  const { root, sent, say } = await show(lensTable, STATE);
  expect(root.dataset.state).toBe("loading");
  say({ kind: "progress", id: sent[0]?.id, done: 3, total: 30, note: "layers" });
  expect(text(one(root, ".tb-state"))).toContain("Computing the lens: layers (3 of 30)");
  expect((one(root, "progress") as HTMLProgressElement).value).toBe(3);
  one(root, ".tb-state button").click();
  await settled();
  expect(sent.map(({ kind }) => kind)).toEqual(["ask", "cancel"]);
  expect([root.dataset.state, text(one(root, ".tb-state p"))]).toEqual(["error", "Cancelled."]);
  one(root, ".tb-state button").click();
  expect(sent.at(-1)?.kind).toBe("ask");
  expect(root.dataset.state).toBe("loading");
});

test("a waiting view says that the kernel is silent, until it answers", async () => {
  vi.useFakeTimers();
  const { root, sent, say } = await show(lensTable, STATE);
  vi.advanceTimersByTime(SILENCE_MS);
  expect(text(one(root, ".tb-state"))).toContain("Waiting for the kernel: it is busy or gone.");
  vi.advanceTimersByTime(PING_MS);
  say({ kind: "pong", id: sent.at(-1)?.id });
  expect(text(one(root, ".tb-state p"))).toBe("Loading the lens …");
});

test("an answer that cannot be shown is an error with a sentence, and leaves nothing behind", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const { root, sent } = await show(lensTable, STATE, answered({ answer_layers: null }));
  expect(root.dataset.state).toBe("error");
  expect(text(one(root, ".tb-state .tb-error"))).not.toBe("");
  expect(all(one(root, "header"), "*").map(text)).toEqual(["When did the answer form?"]);
  expect(root.querySelector(".tb-grid")).toBeNull();
  one(root, ".tb-state button").click();
  expect(sent.filter(({ kind }) => kind === "ask")).toHaveLength(2);
});

test("an error is shown as its sentence", async () => {
  const { root } = await show(lensTable, STATE, {
    reply: () => ({ kind: "error", error: "The model gives NaN.", absent: false, code: null }),
  });
  expect([root.dataset.state, text(one(root, ".tb-state p"))]).toEqual(["error", "The model gives NaN."]);
});

test("an absent answer comes with the Python that computes it", async () => {
  const { root } = await show(lensTable, STATE, {
    reply: () => ({ kind: "error", error: "This saved page does not have this answer.", absent: true, code: REQUEST.code }),
  });
  expect(root.dataset.state).toBe("absent");
  expect(text(one(root, "pre"))).toBe(REQUEST.code);
  expect(all(root, "button").map(text)).toContain("Copy code");
});

test("one position, no steps", async () => {
  const state = { _traces: [traceTree([0], 1)], _requests: [REQUEST] };
  const reply = () => ({ kind: "answer", result: lensTree(1, 3, { findings: [], answer_layers: [] }) });
  const { root } = await show(lensTable, state, { reply, fields: { step: null, query: null } });
  expect(root.dataset.state).toBe("ready");
  expect(text(one(root, ".tb-detail"))).toContain("after the last layer, position 0");
});

const lens = decode(lensTree()) as Lens;
const trace = decode(traceTree()) as Text;

test("the scale of divergence ends at a round number that holds all blocks; the embedding may lie above it", () => {
  expect(modes(lens).kl).toMatchObject({ max: 5, beyond: true });
  expect(modes(lens).probability.max).toBe(1);
});

test("the embedding is found by its coordinate, wherever its row is", () => {
  const kl = (values: number[], layer: number[]) =>
    modes(decode(lensTree(1, 3, { kl: packed(values, { layer, token: 1 }) })) as Lens).kl;
  expect(kl([4, 100, 2], [0, -1, 1])).toMatchObject({ max: 4, beyond: true });
  expect(kl([4, 3, 2], [0, 1, 2])).toMatchObject({ max: 4, beyond: false });
});

test("a token that is the top choice and the next one has one line", () => {
  expect(series(lens, trace, 2).map(({ id, realised }) => [id, realised])).toEqual([
    [3, true],
    [8, false],
  ]);
  // At position 3 the next token is the newline, which is not among the best of the last layer.
  expect(series(lens, trace, 3).map(({ id, realised }) => [id, realised])).toEqual([
    [3, false],
    [8, false],
    [4, true],
  ]);
  expect(series(lens, trace, 5).some(({ realised }) => realised)).toBe(false);
});

const PIECE: [string, string, "text"] = ["x", "x", "text"];

test("the labels of the lines do not touch", () => {
  const close = Array.from({ length: 7 }, (_, id) => ({
    id,
    piece: PIECE,
    values: [0.5, 0.5 + id / 1000],
    realised: id === 0,
    watched: false,
    color: "",
    width: 1,
    dash: [],
  }));
  const { scene, plot } = chart(close, [-1, 0], { layer: 0, leads: -1 }, { width: 600, height: 240 });
  const labels = scene.marks.flatMap((mark) => (mark.kind === "text" && mark.mono ? [mark.y] : [])).sort((a, b) => a - b);
  expect(labels).toHaveLength(7);
  expect(scene.marks.filter((mark) => mark.kind === "text" && mark.text.startsWith("\u2068x\u2069 0.5"))).toHaveLength(7);
  for (const [i, y] of labels.slice(1).entries()) expect(y - (labels[i] as number)).toBeGreaterThanOrEqual(14);
  expect(labels.at(-1)).toBeLessThan(plot.bottom + 12);
});

test("the label of the first layer as top choice is above the plot and inside the drawing", () => {
  const one = { id: 1, piece: PIECE, values: [0.5, 0.6, 0.7], realised: true, watched: false, color: "", width: 1, dash: [] };
  for (const [width, leads] of [
    [560, -1],
    [560, 1],
    [280, -1],
    [280, 1],
  ] as const) {
    const { scene, plot } = chart([one], [-1, 0, 1], { layer: null, leads }, { width, height: 240 });
    const texts = scene.marks.flatMap((mark) => (mark.kind === "text" ? [mark] : []));
    const lead = texts.find(({ text }) => text.startsWith("top choice"));
    const axis = texts.find(({ text }) => text === "probability");
    if (!lead || !axis) throw new Error("a label is missing");
    expect(lead.y - axis.y).toBeGreaterThanOrEqual(14);
    expect(lead.y).toBeLessThan(plot.top);
    const length = lead.text.length * 6;
    expect(lead.align === "end" ? lead.x - length : lead.x).toBeGreaterThanOrEqual(0);
    expect(lead.align === "end" ? lead.x : lead.x + length).toBeLessThanOrEqual(width);
  }
});

test("the numbers are a row per layer, position and rank", () => {
  const lines = numbers(lens, trace).trim().split("\r\n");
  expect(lines[0]).toMatch(/^layer,token,token_id,text,rank,candidate_token_id,candidate_text,prob,final_token_id,final_text,/);
  expect(lines).toHaveLength(1 + 4 * 6 * 2);
  expect(lines[1]).toMatch(/^-1,0,0,The,0,8, Rome,/);
});
