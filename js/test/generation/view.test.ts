import { afterEach, expect, test, vi } from "vitest";
import { blocks } from "../../src/generation/blocks";
import { candidates, drawn } from "../../src/generation/decision";
import { numbers } from "../../src/generation/numbers";
import generation from "../../src/generation/view";
import type { Piece } from "../../src/tokens";
import { token } from "../../src/tokens";
import type { Trace } from "../../src/trace";
import { decode } from "../../src/wire";
import { all, key, one, resizes, settled, show, traceTree } from "../made";

const text = (el: Element) => el.textContent ?? "";
const tokens = (root: Element) => all(root, "[role=option]");
const selected = (root: Element) =>
  tokens(root).flatMap((el) => (el.getAttribute("aria-selected") === "true" ? [Number(el.dataset.token)] : []));

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

test("it is ready at once and sends no request", async () => {
  const { root, sent } = await show(generation, { _traces: [traceTree()] });
  expect(root.dataset).toMatchObject({ view: "generation", state: "ready" });
  expect(sent).toEqual([]);
});

test("every token is there, with its axes, and its probability as a number", async () => {
  const { root } = await show(generation, { _traces: [traceTree()] });
  expect(tokens(root).map((el) => el.dataset.token)).toEqual(["0", "1", "2", "3", "4", "5"]);
  expect(tokens(root).map((el) => el.dataset.step)).toEqual([undefined, undefined, undefined, "0", "1", "2"]);
  expect(text(tokens(root)[3] as Element)).toBe("·Paris0.700");
  expect(text(tokens(root)[4] as Element)).toContain("↵");
});

test("a text that was read has no chosen token", async () => {
  const words = async (how: string) => {
    const { root } = await show(generation, { _traces: [traceTree(undefined, 3, { provenance: { settings: { how } } })] });
    return text(one(root, ".tb-candidate[data-chosen] .tb-chosen"));
  };
  expect([await words("generate"), await words("read")]).toEqual(["chosen", "came next"]);
});

test("markup in a token stays text", async () => {
  const { root } = await show(generation, { _traces: [traceTree([5, 5, 5, 5], 2)] });
  expect(text(tokens(root)[0] as Element)).toBe("</script>");
  expect(root.querySelector("script")).toBeNull();
});

test("the decision follows the step: candidates, shares, entropy, the chosen one marked", async () => {
  const { root, selection } = await show(generation, { _traces: [traceTree()] });
  expect(text(one(root, ".tb-decision h3"))).toBe("The decision at step 0");
  expect(text(one(root, ".tb-decision"))).toContain("entropy 1.50 nats");
  expect(text(one(root, "[data-chosen]"))).toContain("·Paris");
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  expect(text(one(root, ".tb-decision h3"))).toBe("The decision at step 1");
  expect(one(root, "[data-chosen]").dataset.rank).toBe("1");
  expect(one(root, "[data-chosen]").getAttribute("aria-current")).toBe("true");
});

test("a chosen token past the recorded ones is still shown", async () => {
  const { root } = await show(generation, { _traces: [traceTree()] }, { fields: { step: 2, query: 4 } });
  const chosen = one(root, "[data-chosen]");
  expect(text(chosen)).toContain("<|im_end|>");
  expect(chosen.title).toContain("rank not recorded");
  expect(candidates(decode(traceTree()) as Trace, 2).map(({ p }) => p.toFixed(2))).toEqual(["0.70", "0.10", "0.23"]);
});

test("the decision is marked if the selected position does not predict it", async () => {
  const { root, selection } = await show(generation, { _traces: [traceTree()] }, { fields: { step: 1, query: 0 } });
  const decision = one(root, ".tb-decision");
  expect(decision.hasAttribute("data-elsewhere")).toBe(true);
  expect(text(one(decision, ".tb-elsewhere"))).toBe("Position 0 is selected; it does not predict this step.");
  selection.set("_state", { seq: 9, fields: { step: 1, query: 3 } });
  expect([decision.hasAttribute("data-elsewhere"), one(decision, ".tb-elsewhere").hidden]).toEqual([false, true]);
});

test("a long prompt is folded; a selected token inside unfolds it, and so does its button", async () => {
  const ids = Array.from({ length: 160 }, (_, i) => i % 4);
  const { root, selection } = await show(generation, { _traces: [traceTree(ids, 150)] }, { fields: { step: 0, query: 149 } });
  const inside = one(root, ".tb-folded");
  const button = one(root, ".tb-fold button");
  expect(text(one(root, ".tb-fold .tb-note"))).toBe("… 90 more prompt tokens …");
  expect(tokens(root)).toHaveLength(160);
  expect([inside.hidden, button.getAttribute("aria-expanded")]).toEqual([true, "false"]);
  button.click();
  expect([inside.hidden, button.getAttribute("aria-expanded")]).toEqual([false, "true"]);
  button.click();
  selection.set("_state", { seq: 9, fields: { step: 0, token: 30, query: 30 } });
  expect(inside.hidden).toBe(false);
});

test("the axis of the steps names the selected step, also between its ticks", async () => {
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(600);
  const ids = Array.from({ length: 300 }, (_, i) => i % 4);
  const { root, selection } = await show(generation, { _traces: [traceTree(ids, 3)] });
  selection.set("_state", { seq: 9, fields: { step: 137, query: 139 } });
  const bold = all(root, ".tb-steps-chart text").filter((el) => el.getAttribute("font-weight") === "600");
  expect(bold.map(text)).toContain("137");
});

test("at another width the column of a step is where its bar is", async () => {
  const resized = resizes();
  const width = vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(640);
  const ids = Array.from({ length: 13 }, (_, i) => i % 4);
  const { root, fields } = await show(generation, { _traces: [traceTree(ids, 3)] });
  resized();
  const hits = () => all(root, ".tb-steps-chart [data-step]");
  const [number, before] = [(el: Element, name: string) => Number(el.getAttribute(name)), hits()];
  const under = (at: number) => hits().find((el) => number(el, "x") <= at && at < number(el, "x") + number(el, "width"));
  const names = () => all(root, '.tb-steps-chart text[text-anchor="middle"]');
  for (const now of [640, 320]) {
    width.mockReturnValue(now);
    resized();
    expect(names().length).toBeGreaterThan(1);
    expect(names().map((el) => under(number(el, "x"))?.dataset.step)).toEqual(names().map(text));
    expect(hits()).toHaveLength(10);
    // At the same width they stay the same.
    expect(hits()[0] === before[0]).toBe(now === 640);
  }
  under(number(names().at(-1) as Element, "x"))?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  expect(fields().step).toBe(Number(text(names().at(-1) as Element)));
});

test("at another width the text scrolls to the selected token; at the same width it keeps its scroll position", async () => {
  const resized = resizes();
  const width = vi.spyOn(HTMLElement.prototype, "offsetWidth", "get").mockReturnValue(600);
  const { root } = await show(generation, { _traces: [traceTree()] });
  const list = one(root, "[role=listbox]");
  list.getBoundingClientRect = () => new DOMRect(0, 0, 600, 100);
  for (const piece of tokens(root)) piece.getBoundingClientRect = () => new DOMRect(0, 300 - list.scrollTop, 40, 20);
  resized();
  await settled();
  // Clear of the faded edge of 20 pixels.
  expect(list.scrollTop).toBe(300 + 20 - 100 + 20 + 8);
  list.scrollTop = 0;
  resized();
  await settled();
  expect(list.scrollTop).toBe(0);
  width.mockReturnValue(400);
  resized();
  await settled();
  expect(list.scrollTop).toBe(248);
});

test("the sign for a space looks different from the same character in the text", () => {
  const parts = (piece: Piece) => [...token(piece).childNodes].map((node) => [node.nodeName, node.textContent]);
  expect(parts([" a·b", "·a⟨00B7⟩b", "text"])).toEqual([
    ["SPAN", "·"],
    ["#text", "a"],
    ["SPAN", "⟨00B7⟩"],
    ["#text", "b"],
  ]);
  expect(parts(["⟨07⟩\u200b", "⟨27E8⟩07⟩⟨200B⟩", "text"])).toEqual([
    ["SPAN", "⟨27E8⟩"],
    ["#text", "07⟩"],
    ["SPAN", "⟨200B⟩"],
  ]);
  expect(parts(["", "x⟨F0⟩", "bytes"])).toEqual([["#text", "x⟨F0⟩"]]);
});

test("the sampling settings are named, because the probabilities are from before them", () => {
  expect(drawn({ temperature: 0.8, top_k: null, top_p: 0.9 })).toBe(
    "Sampled with temperature 0.8, top-p 0.9. The probabilities here are the model's own, before these settings.",
  );
  expect(drawn({ temperature: 1 })).toBe("Sampled from these probabilities (temperature 1).");
  expect(drawn({ how: "generate" })).toBe("");
});

test("a click on a generated token selects its step, on a prompt token its position", async () => {
  const { root, fields } = await show(generation, { _traces: [traceTree()] });
  tokens(root)[4]?.click();
  expect(fields()).toMatchObject({ step: 1, token: 4, query: 3 });
  expect(selected(root)).toEqual([4]);
  tokens(root)[1]?.click();
  expect(fields()).toMatchObject({ step: 1, token: 1, query: 1 });
  expect(selected(root)).toEqual([1, 4]);
});

test("arrow keys step, Home and End go to the ends, and the focus goes along", async () => {
  const { root, fields } = await show(generation, { _traces: [traceTree()] });
  tokens(root)[3]?.click();
  key(document.activeElement as Element, "ArrowRight");
  expect(fields().step).toBe(1);
  expect((document.activeElement as HTMLElement).dataset.step).toBe("1");
  key(document.activeElement as Element, "End");
  expect(fields().step).toBe(2);
  key(document.activeElement as Element, "ArrowRight");
  expect(fields().step).toBe(2);
  key(document.activeElement as Element, "Home");
  expect(fields().step).toBe(0);
});

test("keys of the notebook are left to the notebook", async () => {
  const { root, fields } = await show(generation, { _traces: [traceTree()] });
  const second = tokens(root)[4] as HTMLElement;
  for (const modifier of ["shiftKey", "ctrlKey", "altKey", "metaKey"])
    for (const name of ["Enter", " ", "ArrowLeft"]) expect(key(second, name, { [modifier]: true })).toBe(true);
  expect(fields().step).toBe(0);
  expect(key(second, "Enter")).toBe(false);
  expect(fields().step).toBe(1);
});

test("exactly one token is a stop for Tab", async () => {
  const { root, selection } = await show(generation, { _traces: [traceTree()] });
  selection.set("_state", { seq: 5, fields: { step: 2, query: 4 } });
  expect(
    tokens(root)
      .filter((el) => el.tabIndex === 0)
      .map((el) => el.dataset.step),
  ).toEqual(["2"]);
});

test("a step that another view selects leaves no old token selected", async () => {
  const { root, selection } = await show(generation, { _traces: [traceTree()] });
  tokens(root)[3]?.click();
  selection.set("_state", { seq: 9, fields: { step: 2, token: 3, query: 4 } });
  expect(selected(root)).toEqual([5]);
});

test("a selected query is marked in the prompt and in the generated text", async () => {
  const { root, selection } = await show(generation, { _traces: [traceTree()] }, { fields: { step: 1, query: 0 } });
  const read = () => all(root, "[data-read]").map(({ dataset }) => dataset.token);
  expect([selected(root), read()]).toEqual([[0, 4], ["0"]]);
  selection.set("_state", { seq: 9, fields: { step: 1, query: 5 } });
  expect([selected(root), read()]).toEqual([[4, 5], ["5"]]);
  selection.set("_state", { seq: 10, fields: { step: 1, query: 3 } });
  expect([selected(root), read()]).toEqual([[4], []]);
});

test("a span of prompt tokens is shown as selected, and the list says that it may hold several", async () => {
  const { root, selection } = await show(generation, { _traces: [traceTree()] }, { fields: { step: null, token: [0, 2] } });
  expect(selected(root)).toEqual([0, 1]);
  expect(one(root, "[role=listbox]").getAttribute("aria-multiselectable")).toBe("true");
  selection.set("_state", { seq: 9, fields: { step: 1 } });
  expect(one(root, "[role=listbox]").hasAttribute("aria-multiselectable")).toBe(false);
});

test("without a step nothing reads as null or NaN", async () => {
  const { root } = await show(generation, { _traces: [traceTree()] }, { fields: { step: null, query: null } });
  expect(root.outerHTML).not.toMatch(/null|NaN|undefined/);
});

test("one token, nothing generated: no decision, no step", async () => {
  const { root } = await show(generation, { _traces: [traceTree([0], 1)] }, { fields: { step: null, query: null } });
  expect(root.dataset.state).toBe("ready");
  expect(tokens(root)).toHaveLength(1);
  expect(one(root, ".tb-decision").hidden).toBe(true);
  expect(text(one(root, "h2"))).toBe("What was read?");
});

test("new data is drawn once", async () => {
  const { root, model } = await show(generation, { _traces: [traceTree()] });
  model.set("_data", { title: "another" });
  await settled();
  expect(tokens(root)).toHaveLength(6);
  expect(all(root, "header")).toHaveLength(1);
});

test("when its signal aborts the view is removed and no longer follows the selection", async () => {
  const { root, end, selection } = await show(generation, { _traces: [traceTree()] });
  end();
  expect(root.isConnected).toBe(false);
  selection.set("_state", { seq: 9, fields: { step: 2 } });
  expect(selected(root)).toEqual([3]);
});

const piece: Piece = ["x", "x", "text"];
const divided = (segments: Trace["segments"], length = 10, prompt_length = 8) =>
  blocks({ pieces: Array<Piece>(length).fill(piece), prompt_length, segments });

test("a prompt and what was generated", () => {
  expect(divided([])).toEqual([
    { caption: "prompt", start: 0, stop: 8, generated: false },
    { caption: "generated", start: 8, stop: 10, generated: true },
  ]);
});

test("a chat is divided by its roles; template tokens go with the segment that follows", () => {
  const chat = divided([
    { role: "system", start: 1, stop: 3 },
    { role: "user", start: 4, stop: 6 },
  ]);
  expect(chat.map(({ caption, start, stop }) => [caption, start, stop])).toEqual([
    ["system", 0, 3],
    ["user", 3, 6],
    ["template", 6, 8],
    ["generated", 8, 10],
  ]);
});

test("the numbers are a row per step and candidate, headed by axis names", () => {
  const lines = numbers(decode(traceTree()) as Trace)
    .trim()
    .split("\r\n");
  const [head, first] = lines;
  expect(head).toBe("step,query,token,token_id,text,chosen_prob,chosen_rank,entropy,rank,candidate_token_id,candidate_text,prob");
  expect(first).toBe(`0,2,3,3, Paris,${Math.fround(0.7)},0,1.5,0,3, Paris,${Math.fround(0.7)}`);
  // A token past the recorded ranks has no rank.
  expect(lines.at(-1)).toMatch(/^2,4,5,6,<\|im_end\|>,[\d.]+,,3.5,1,8, Rome,/);
});
