// A bench of no, one or several texts: views show the selected text, and requests are about it.

import { afterEach, expect, test, vi } from "vitest";
import type { Context } from "../src/afm";
import { widget } from "../src/afm";
import attention from "../src/attention/view";
import generation from "../src/generation/view";
import lensTable from "../src/lens_table/view";
import type { Request } from "../src/requests/request";
import tokenScores from "../src/token_scores/view";
import type { Trace } from "../src/trace";
import { benchTree, showBench } from "./bench/made";
import type { Message } from "./made";
import { all, lensTree, one, REQUEST, SCORES_REQUEST, scoresTree, settled, show, traceTree } from "./made";

const FIRST = traceTree();
/** Two prompt tokens and two steps. */
const SECOND = traceTree([1, 2, 8, 4], 2, { hash: "u", title: "A city of Rome", code: "second\n" });
const ABOUT_SECOND: Request = { ...REQUEST, traces: ["u"] };
const REFERENCES = ["anywidget:trace-0", "anywidget:trace-1"];
const text = (el: Element) => el.textContent ?? "";

afterEach(() => {
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

/** Answers requests about both texts. */
function reply({ kind, request }: Message): object | undefined {
  if (kind !== "ask" || !request) return undefined;
  const [about, isSecond] = [{ traces: request.traces }, request.traces[0] === "u"];
  if (request.analysis === "LogitLens") {
    return { kind: "answer", result: isSecond ? lensTree(4, 3, { ...about, answer_layers: [0, 0] }) : lensTree() };
  }
  const { step } = request.target as { step: number };
  return { kind: "answer", result: isSecond ? scoresTree([step], 4, 2, about) : scoresTree([step]) };
}

/** A view that records its drawings. */
function recorder() {
  const drawn: Context<Partial<Trace>>[] = [];
  const definition = widget<Partial<Trace>>("toy", (context) => {
    drawn.push(context);
    context.el.append(Object.assign(document.createElement("button"), { textContent: "in it" }));
    context.el.dataset.state = "ready";
  });
  return { drawn, definition, titles: () => drawn.map(({ data }) => data.title) };
}

function selectTrace(shown: Awaited<ReturnType<typeof show>>, trace: number, fields: object = {}): Promise<void> {
  const { seq, fields: before } = shown.selection.get("_state") as { seq: number; fields: object };
  shown.selection.set("_state", { seq: seq + 1, fields: { ...before, ...fields, trace } });
  return settled();
}

test("a view is drawn again only for another text, with its data, request and alternatives", async () => {
  const { drawn, definition, titles } = recorder();
  const other = { label: "other", request: { ...ABOUT_SECOND, analysis: "Other" } };
  const state = { _traces: [FIRST, SECOND], _data: { own: 1 }, _requests: [REQUEST, ABOUT_SECOND], _alternatives: [[], [other]] };
  const shown = await show(definition, state);
  await selectTrace(shown, 0, { step: 1, query: 3 });
  expect(titles()).toEqual(["The city of Paris"]);
  await selectTrace(shown, 1, { step: 0, query: 1 });
  expect(titles()).toEqual(["The city of Paris", "A city of Rome"]);
  expect(drawn[1]).toMatchObject({ data: { own: 1, hash: "u" }, request: ABOUT_SECOND, alternatives: [other] });
  expect(drawn.map(({ signal }) => signal.aborted)).toEqual([true, false]);
});

test("a view that another text ends gets no change of it", async () => {
  const heard = vi.fn();
  const view = widget("toy", ({ selection, signal, data }: Context<Partial<Trace>>) =>
    selection.on(({ trace }) => heard(data.title, trace), signal),
  );
  const shown = await show(view, { _traces: [FIRST, SECOND], _requests: [REQUEST, ABOUT_SECOND] });
  await selectTrace(shown, 1);
  expect(heard).not.toHaveBeenCalled();
});

test("an added text changes nothing until it is selected", async () => {
  const { definition, titles } = recorder();
  const shown = await show(definition, { _traces: [FIRST], _requests: [REQUEST] }, { later: [SECOND] });
  shown.model.set("_requests", [{ ...REQUEST }, ABOUT_SECOND]);
  shown.model.set("_traces", REFERENCES);
  await settled();
  expect(titles()).toEqual(["The city of Paris"]);
  await selectTrace(shown, 1);
  expect(titles()).toEqual(["The city of Paris", "A city of Rome"]);
});

test("a text that is selected before it is loaded is shown when it is loaded", async () => {
  const { drawn, definition, titles } = recorder();
  const shown = await show(definition, { _traces: [FIRST], _requests: [REQUEST, ABOUT_SECOND] }, { later: [SECOND] });
  const { seq, fields } = shown.selection.get("_state") as { seq: number; fields: object };
  shown.model.set("_traces", REFERENCES);
  shown.selection.set("_state", { seq: seq + 1, fields: { ...fields, trace: 1 } });
  expect([titles(), drawn[0]?.signal.aborted]).toEqual([["The city of Paris"], true]);
  await settled();
  expect(titles()).toEqual(["The city of Paris", "A city of Rome"]);
});

test("a view about no text works without a text, and another text does not draw it again", async () => {
  const { drawn, definition } = recorder();
  const doctor: Request = { ...REQUEST, analysis: "Doctor", traces: [] };
  const shown = await show(definition, { _requests: [doctor] }, { later: [FIRST, SECOND], fields: { trace: null, step: null } });
  expect(drawn[0]).toMatchObject({ data: {}, request: doctor });
  shown.model.set("_requests", [doctor, doctor]);
  shown.model.set("_traces", REFERENCES);
  await settled();
  await selectTrace(shown, 1);
  expect(drawn).toHaveLength(1);
});

test("a view without a request for a text says so, and offers its request for other texts", async () => {
  const shown = await show(lensTable, { _traces: [FIRST, SECOND], _requests: [REQUEST, null] }, { reply });
  await selectTrace(shown, 1, { step: 0, query: 1 });
  expect([shown.root.dataset.state, text(one(shown.root, "h2")), text(one(shown.root, ".tb-state p"))]).toEqual([
    ...["absent", "Lens table", "This question was not asked about this text."],
  ]);
  one(shown.root, ".tb-state button").click();
  await settled();
  expect(shown.model.get("_requests")).toEqual([REQUEST, ABOUT_SECOND]);
  expect([shown.root.dataset.state, shown.sent.at(-1)?.request]).toEqual(["ready", ABOUT_SECOND]);
});

test("there is no such offer in a saved page, or if the text lacks the step", async () => {
  const state = { _traces: [FIRST, SECOND, traceTree([0, 1, 2], 3, { hash: "v" })], _requests: [SCORES_REQUEST, null, null] };
  const page = await show(tokenScores, state, { reply, offline: true });
  await selectTrace(page, 1, { step: 0, query: 1 });
  expect([page.root.dataset.state, all(page.root, ".tb-state button")]).toEqual(["absent", []]);
  const live = await show(tokenScores, state, { reply });
  await selectTrace(live, 2, { step: null, query: null });
  expect([live.root.dataset.state, all(live.root, ".tb-state button")]).toEqual(["absent", []]);
});

test("every view shows the selected text: its tokens, its lens, its scores", async () => {
  const scores = { ...SCORES_REQUEST, traces: ["u"] };
  const views = [
    { stem: "generation", definition: generation, state: { _requests: [null, null] } },
    { stem: "lens_table", definition: lensTable, state: { _requests: [REQUEST, ABOUT_SECOND] } },
    { stem: "token_scores", definition: tokenScores, state: { _requests: [SCORES_REQUEST, scores] } },
  ];
  const data = benchTree({ continues: [1], notes: [null, "No attention."] });
  const shown = await showBench(views, { data, traces: [FIRST, SECOND], reply });
  const tokens = () => all(shown.root, '[data-view="generation"] .tb-piece').length;
  const columns = () => new Set(all(shown.root, '[data-view="lens_table"] [role=gridcell]').map((el) => el.dataset.token)).size;
  const head = () => [text(one(shown.root, "h1")), text(one(shown.root, ".tb-summary"))];
  expect([tokens(), columns(), head()]).toEqual([6, 6, ["Why at step 0?", "said at 0; top choice from layer 1 to 2."]]);
  const select = one(shown.root, ".tb-text-chooser select") as HTMLSelectElement;
  expect([...select.options].map((each) => [each.text, each.dataset.trace])).toEqual([
    ["The city of Paris", "0"],
    ["A city of Rome", "1"],
  ]);
  select.value = "1";
  select.dispatchEvent(new Event("change"));
  await settled();
  expect(shown.fields()).toMatchObject({ trace: 1, step: 0, query: 1, token: null });
  expect([tokens(), columns()]).toEqual([4, 4]);
  expect(text(one(shown.root, ".tb-bench-note"))).toBe("No attention.");
  expect(all(shown.root, '[data-view][data-state="ready"]').length).toBe(3);
  expect(text(one(shown.root, ".tb-step-word"))).toBe("step 0 (0–1)");
  // The answers about the first text are there at once, and those about the second do not count.
  const asked = shown.sent.filter(({ kind }) => kind === "ask").length;
  await selectTrace(shown, 0, { step: 0, query: 2 });
  expect(head()).toEqual(["Why at step 0?", "said at 0; top choice from layer 1 to 2."]);
  expect(shown.sent.filter(({ kind }) => kind === "ask").length).toBe(asked + 2);
});

test("with one text there is no chooser; it comes with a second one, and the views stay as they are", async () => {
  const { definition, drawn } = recorder();
  const views = [{ stem: "toy", definition, state: { _requests: [REQUEST] } }];
  const shown = await showBench(views, { later: [SECOND] });
  const chooser = one(shown.root, ".tb-text-chooser");
  expect(chooser.hidden).toBe(true);
  shown.model.set("_traces", REFERENCES);
  shown.model.set("_data", benchTree({ notes: [null, null] }));
  await settled();
  expect([chooser.hidden, all(chooser, "option").length, drawn.length]).toEqual([false, 2, 1]);
});

test("a bench without a text shows its views, and has no stepper", async () => {
  const { definition } = recorder();
  const doctor: Request = { ...REQUEST, traces: [] };
  const { root } = await showBench([{ stem: "toy", definition, state: { _requests: [doctor] } }], {
    data: benchTree({ notes: [] }),
    traces: [],
  });
  expect(root.dataset.state).toBe("ready");
  expect([text(one(root, "h1")), one(root, ".tb-stepper").hidden, one(root, ".tb-text-chooser").hidden]).toEqual([
    "",
    true,
    true,
  ]);
  expect(text(root)).not.toMatch(/null|NaN|undefined/);
});

test("follow-up questions are kept for each text", async () => {
  const methods = [{ label: "quick", method: "InputXGradient()", analysis: "InputXGradient", params: {} }];
  const state = { _data: { methods }, _requests: [SCORES_REQUEST, { ...SCORES_REQUEST, traces: ["u"] }] };
  const shown = await show(tokenScores, { ...state, _traces: [FIRST, SECOND], _asked: null }, { reply });
  const askQuick = async () => {
    const method = one(shown.root, ".tb-scores-ask select") as HTMLSelectElement;
    method.value = [...method.options].find((each) => each.text === "quick")?.value ?? "";
    method.dispatchEvent(new Event("change"));
    await settled();
  };
  await askQuick();
  await selectTrace(shown, 1, { step: 0, query: 1 });
  expect(shown.sent.at(-1)?.request).toMatchObject({ analysis: "IntegratedGradients", traces: ["u"] });
  await askQuick();
  expect(Object.keys(shown.model.get("_asked") as object)).toEqual(["t", "u"]);
  await selectTrace(shown, 0, { step: 0, query: 2 });
  expect(shown.sent.at(-1)?.request).toMatchObject({ analysis: "InputXGradient", traces: ["t"] });
});

test("the reader's choices in a view stay when the text changes", async () => {
  const rollout = (traces: string[]) => [{ label: "rollout", request: { ...REQUEST, analysis: "AttentionRollout", traces } }];
  const weights = (traces: string[]) => ({ ...REQUEST, analysis: "AttentionPatterns", traces });
  const state = { _requests: [weights(["t"]), weights(["u"])], _alternatives: [rollout(["t"]), rollout(["u"])] };
  const shown = await show(attention, { ...state, _traces: [FIRST, SECOND] });
  all(shown.root, "[data-option]")[1]?.click();
  await selectTrace(shown, 1, { step: 0, query: 1 });
  expect(shown.sent.filter(({ kind }) => kind === "ask").at(-1)?.request).toMatchObject({
    analysis: "AttentionRollout",
    traces: ["u"],
  });
  expect(shown.root.dataset.source).toBe("rollout");
});

test("the focus stays in a view when another text is drawn, and the page keeps its height", async () => {
  const view = widget("toy", ({ el }) => el.append(document.createElement("button")));
  const shown = await show(view, { _traces: [FIRST, SECOND], _requests: [REQUEST, ABOUT_SECOND] });
  vi.spyOn(shown.root, "offsetHeight", "get").mockReturnValue(321);
  one(shown.root, "button").focus();
  await selectTrace(shown, 1);
  expect([document.activeElement, shown.root.style.minHeight]).toEqual([shown.root, "321px"]);
  shown.root.dataset.state = "ready";
  await vi.waitFor(() => expect(shown.root.style.minHeight).toBe(""));
});

test("Copy code gives the code of the selected text", async () => {
  const written: string[] = [];
  vi.stubGlobal("navigator", { clipboard: { writeText: async (text: string) => written.push(text) } });
  const traces = [
    { ...FIRST, code: "first\n" },
    { ...SECOND, code: "second\n" },
  ];
  const shown = await showBench([], { traces });
  const copy = all(shown.root, ".tb-actions button").find((el) => el.textContent === "Copy code") as HTMLElement;
  copy.click();
  await selectTrace(shown, 1, { step: 0, query: 1 });
  copy.click();
  await settled();
  vi.unstubAllGlobals();
  expect(written).toEqual(["first\nbench\n", "second\nbench\n"]);
});
