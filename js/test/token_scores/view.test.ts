import { afterEach, expect, test, vi } from "vitest";
import { SILENCE_MS } from "../../src/requests/liveness";
import type { Request } from "../../src/requests/request";
import { requestKey } from "../../src/requests/request";
import type { Choices } from "../../src/token_scores/chooser";
import { FIRST } from "../../src/token_scores/list";
import { numbers } from "../../src/token_scores/numbers";
import type { Scores } from "../../src/token_scores/result";
import { bySize, rowOf, widestOf } from "../../src/token_scores/result";
import { idOrText } from "../../src/token_scores/token_field";
import tokenScores from "../../src/token_scores/view";
import { full, inCell, inColumn, methodLine, methodName, scaleName, signed, sumLine } from "../../src/token_scores/words";
import type { Piece } from "../../src/tokens";
import type { Text } from "../../src/trace";
import { PATIENCE_MS, SETTLE_MS } from "../../src/ui/settle";
import { decode } from "../../src/wire";
import { all, CHECK, key, type Message, one, packed, SCORES_REQUEST, scoresTree, settled, show, traceTree } from "../made";

const STATE = { _traces: [traceTree()], _requests: [SCORES_REQUEST] };
const EVERY = { ...SCORES_REQUEST, target: { step: null, token: null, against: null, of: "logit" } };
const stepOf = ({ request }: Message) => (request?.target as { step: number | null } | undefined)?.step ?? null;
const answering = (change: object = {}) => ({
  reply: (message: Message) =>
    message.kind === "ask" ? { kind: "answer", result: scoresTree([stepOf(message) ?? 0], 6, 3, change) } : undefined,
});
const atEveryStep = {
  reply: ({ kind }: Message) => (kind === "ask" ? { kind: "answer", result: scoresTree([0, 1, 2]) } : undefined),
};
const text = (el: Element) => el.textContent ?? "";
const pieces = (root: Element) => all(root, ".tb-text [role=option]");
const rows = (root: Element) => all(root, ".tb-score-row");
const listed = (root: Element) => rows(root).map((el) => Number(el.dataset.token));
const selected = (elements: HTMLElement[]) =>
  elements.flatMap((el) => (el.getAttribute("aria-selected") === "true" ? [Number(el.dataset.token)] : []));
const stops = (elements: HTMLElement[]) => elements.filter((el) => el.tabIndex === 0).map((el) => Number(el.dataset.token));
const scores = (tree: object) => decode(tree) as Scores;
/** The colour of a token's bar, its place and its size. */
const bar = (el: Element) =>
  ["", "-at", "-size"].map((name) => one(el, ".tb-score-bar").style.getPropertyValue(`--tb-bar${name}`));

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("it requests the selected step, with its key and code", async () => {
  const { root, sent } = await show(tokenScores, STATE, { ...answering(), fields: { step: 2, query: 4 } });
  const { request } = sent[0] as { request: Request };
  expect(requestKey(request)).toBe(
    requestKey({ ...SCORES_REQUEST, target: { step: 2, token: null, against: null, of: "logit" } }),
  );
  expect(request.code).toContain("tb.Target(step=2, token=None");
  expect(root.dataset).toMatchObject({ view: "token_scores", state: "ready" });
  expect(text(one(root, ".tb-scores-question"))).toBe("Why did the model say it at step 2?");
});

test("tokens with a score have a colour and a bar with its sign; the generated token is marked, later ones are dimmed", async () => {
  const { root } = await show(tokenScores, STATE, answering());
  const [first, second, , said, later] = pieces(root) as HTMLElement[];
  expect(pieces(root).map((el) => Boolean(one(el, ".tb-token").style.background))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(pieces(root).map((el) => [el.hasAttribute("data-decided"), el.hasAttribute("data-later")])).toEqual([
    ...Array(3).fill([false, false]),
    [true, false],
    ...Array(2).fill([false, true]),
  ]);
  // The line is the twelfth pixel: up to what is above it and down from what is below, a third and two thirds of the largest.
  expect(bar(first as Element)).toEqual(["var(--tb-for)", "1px 7px", "calc(100% - 2px) 4px"]);
  expect(bar(second as Element)).toEqual(["var(--tb-against)", "1px 12px", "calc(100% - 2px) 7px"]);
  expect(bar(said as Element)).toEqual(["", "", ""]);
  expect(first?.getAttribute("aria-label")).toBe(
    "\u2068The\u2069, position 0: +1.00 logits, speaks for it, 17 % of all absolute scores",
  );
  expect(second?.getAttribute("aria-label")).toContain("−2.00 logits, speaks against it");
  expect(said?.getAttribute("aria-label")).toContain("the token of step 0");
  expect(later?.getAttribute("aria-label")).toContain("comes after step 0");
});

test("the smallest bar is above or below the line, so that its sign is more than a colour", async () => {
  const tree = { scores: packed([100, 0.1, -0.1, Number.NaN, Number.NaN, Number.NaN], { step: [0], token: 6 }) };
  const { root } = await show(tokenScores, STATE, answering(tree));
  const [, up, down] = pieces(root).map(bar);
  expect([up, down]).toEqual([
    ["var(--tb-for)", "1px 10px", "calc(100% - 2px) 1px"],
    ["var(--tb-against)", "1px 12px", "calc(100% - 2px) 1px"],
  ]);
});

test("a zero has no direction and no bar", async () => {
  const { root } = await show(
    tokenScores,
    STATE,
    answering({ scores: packed([0, 0, 0, Number.NaN, Number.NaN, Number.NaN], { step: [0], token: 6 }) }),
  );
  expect(pieces(root)[0]?.getAttribute("aria-label")).toBe("\u2068The\u2069, position 0: 0.00 logits, speaks neither way");
  expect(bar(pieces(root)[0] as Element)).toEqual(["", "", ""]);
});

test("the title names the compared token, to tell two such views apart", async () => {
  const title = async (against: string | number | null) => {
    const target = { step: 0, token: null, against, of: "logit" };
    const { root } = await show(tokenScores, { ...STATE, _requests: [{ ...SCORES_REQUEST, target }] }, answering({ target }));
    return text(one(root, "h2"));
  };
  expect(await title(null)).toBe("Which tokens speak for it?");
  expect(await title(" Rome")).toBe("Which tokens speak for it, rather than “\u2068·Rome\u2069”?");
  expect(await title(8)).toBe("Which tokens speak for it, rather than “\u2068·Rome\u2069”?");
});

test("the method and its baseline are in words, the scale in numbers", async () => {
  const { root } = await show(tokenScores, STATE, answering());
  expect(text(root)).toContain("Integrated gradients; baseline: each token replaced by the eos token.");
  expect(text(one(root, ".tb-legend"))).toContain("− speaks against it");
  expect(one(root, ".tb-legend-scale").getAttribute("aria-label")).toBe(
    "From −3.00 logits (speaks against it) to +3.00 logits (speaks for it)",
  );
  const entropy = { target: { step: 0, token: null, against: null, of: "entropy" }, unit: "nats" };
  const other = await show(tokenScores, STATE, answering(entropy));
  expect(text(one(other.root, ".tb-legend"))).toContain("+ makes it less sure");
});

test("the sum is compared with the explained number if there is a baseline", async () => {
  const { root } = await show(tokenScores, STATE, answering());
  expect(text(one(root, ".tb-scores-sum"))).toBe(
    "The scores add up to +2.00 logits. The logit of “\u2068·Paris\u2069” is 4.50, and 2.25 for the baseline: the difference is +2.25.",
  );
  const none = answering({ baseline: "", baseline_values: packed([Number.NaN], { step: [0] }) });
  const other = await show(tokenScores, STATE, none);
  expect(one(other.root, ".tb-scores-sum").hidden).toBe(true);
  expect(text(other.root)).toContain("Integrated gradients.");
});

test("a step whose scores do not add up says so, with the sign of the check", async () => {
  const checks = [{ ...CHECK, name: "completeness", state: "amber", limit: 0.05 }];
  const known = decode(traceTree()) as unknown as Text;
  const log = { target: { step: 0, token: 10, against: "·x", of: "log_prob" }, unit: "nats", checks };
  expect(sumLine(scores(scoresTree([0], 6, 3, log)), known, 0)).toEqual({
    state: "amber",
    sentence: expect.stringMatching(
      /^! The scores do not add up: \+2\.00 instead of \+2\.25 nats\. The log-probability of “.*” minus that of “.*” is 4\.50, and 2\.25 for the baseline\.$/,
    ),
  });
  // At the second step they add up to the difference.
  const several = scores(
    scoresTree([0, 1], 6, 3, {
      checks,
      values: packed([4.5, 0.25], { step: [0, 1] }),
      baseline_values: packed([2.25, 4.25], { step: [0, 1] }),
    }),
  );
  expect(rowOf(several, 1).sum).toBe(-4);
  expect([0, 1].map((step) => sumLine(several, known, step).state)).toEqual(["amber", "holds"]);
  const { root } = await show(tokenScores, STATE, answering({ checks }));
  const sum = one(root, ".tb-scores-sum");
  expect([sum.dataset.check, sum.previousElementSibling?.className, sum.nextElementSibling?.className]).toEqual([
    "amber",
    "tb-text",
    "tb-detail",
  ]);
});

test("a scale names what it measures", () => {
  const named = (of: string, unit: string, against: string | null = null) =>
    scaleName({ unit, target: { step: 0, token: null, against, of } as Scores["target"] });
  expect([named("log_prob", "nats"), named("entropy", "nats"), named("logit", "logits"), named("logit", "logits", "x")]).toEqual([
    "log-probability, nats",
    "entropy, nats",
    "in logits",
    "logit difference",
  ]);
});

test("the list is by size or by position, and has only tokens with a score", async () => {
  const { root } = await show(tokenScores, STATE, answering());
  expect(listed(root)).toEqual([2, 1, 0]);
  expect(rows(root).map((el) => text(one(el, ".tb-score-value")))).toEqual(["+3.00", "−2.00", "+1.00"]);
  expect(rows(root).map((el) => one(el, ".tb-signed").dataset.sign)).toEqual(["above", "below", "above"]);
  one(root, '[data-option="position"]').click();
  expect(listed(root)).toEqual([0, 1, 2]);
});

test("of many tokens the list has the first ones and the selected one", async () => {
  const ids = Array.from({ length: 30 }, () => 0);
  const state = { ...STATE, _traces: [traceTree(ids, 29)] };
  const reply = () => ({ kind: "answer", result: scoresTree([0], 30, 29) });
  const { root, selection } = await show(tokenScores, state, { reply });
  expect(listed(root)).toEqual(Array.from({ length: FIRST }, (_, i) => 28 - i));
  selection.set("_state", { seq: 9, fields: { step: 0, token: 3, query: 28 } });
  expect(listed(root).at(-1)).toBe(3);
  expect(selected(rows(root))).toEqual([3]);
  const more = one(root, ".tb-list-foot button");
  expect(text(more)).toBe("All 29");
  more.click();
  expect(listed(root).length).toBe(29);
  expect(text(more)).toBe(`First ${FIRST}`);
});

test("a click on a token or a row selects it, and nothing else", async () => {
  const { root, fields } = await show(tokenScores, STATE, answering());
  pieces(root)[1]?.click();
  expect(fields()).toMatchObject({ step: 0, token: 1, query: 2 });
  expect([selected(pieces(root)), selected(rows(root))]).toEqual([[1], [1]]);
  expect(text(one(root, ".tb-detail"))).toContain("·city\u2069, position 1: −2.00 logits");
  rows(root)[0]?.click();
  expect(fields()).toMatchObject({ step: 0, token: 2 });
});

test("a selected span has one line for all its tokens", async () => {
  const { root } = await show(tokenScores, STATE, { ...answering(), fields: { step: 0, token: [0, 2] } });
  expect(selected(pieces(root))).toEqual([0, 1]);
  expect(one(root, ".tb-text").getAttribute("aria-multiselectable")).toBe("true");
  expect(text(one(root, ".tb-detail"))).toBe(
    "positions 0–1 together: −1.00 logits, speaks against it, 50 % of all absolute scores",
  );
});

test("the line is about the token under the pointer or with the focus, afterwards about the selection", async () => {
  const { root } = await show(tokenScores, STATE, answering());
  const line = () => text(one(root, ".tb-detail"));
  // Without a selection: the strongest.
  expect(line()).toContain("position 2: +3.00");
  pieces(root)[0]?.dispatchEvent(new Event("pointerover", { bubbles: true }));
  expect(line()).toContain("position 0: +1.00");
  one(root, ".tb-text").dispatchEvent(new Event("pointerleave"));
  expect(line()).toContain("position 2");
});

test("arrow keys move through the tokens that have a score; text and list are one stop each", async () => {
  const { root, fields } = await show(tokenScores, STATE, answering());
  expect([stops(pieces(root)), stops(rows(root))]).toEqual([[2], [2]]);
  const press = (name: string) => key(document.activeElement as Element, name);
  pieces(root)[0]?.click();
  press("ArrowRight");
  expect(fields().token).toBe(1);
  for (let i = 0; i < 4; i++) press("ArrowRight");
  expect([fields().token, document.activeElement]).toEqual([2, pieces(root)[2]]);
  press("Home");
  expect([fields().token, stops(pieces(root))]).toEqual([0, [0]]);
  expect(press("a")).toBe(true);
  expect(key(document.activeElement as Element, "Enter", { shiftKey: true })).toBe(true);
  rows(root)[0]?.click();
  press("ArrowDown");
  expect([fields().token, stops(rows(root))]).toEqual([1, [1]]);
  expect((document.activeElement as HTMLElement).className).toBe("tb-score-row");
});

test("a click on a later token selects its step", async () => {
  const { root, fields } = await show(tokenScores, STATE, answering());
  pieces(root)[4]?.click();
  expect(fields()).toMatchObject({ step: 1, query: 3 });
});

test("another step is requested when the reader pauses, and the running request is cancelled", async () => {
  vi.useFakeTimers();
  const { root, selection, sent, say } = await show(tokenScores, STATE, {});
  expect(sent.map(told)).toEqual(["ask 0"]);
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  expect(sent.map(told)).toEqual(["ask 0", "cancel"]);
  expect(root.dataset.state).toBe("loading");
  selection.set("_state", { seq: 6, fields: { step: 2, query: 4 } });
  vi.advanceTimersByTime(SETTLE_MS);
  expect(sent.map(told)).toEqual(["ask 0", "cancel", "ask 2"]);
  say({ kind: "progress", id: sent[2]?.id, done: 16, total: 64, note: "attributing" });
  expect(text(one(root, ".tb-state"))).toContain("Computing the token scores: attributing (16 of 64)");
  // The first answer arrives late, and is not shown.
  say({ kind: "answer", id: sent[0]?.id, result: scoresTree([0]) });
  await settled();
  expect(root.dataset.state).toBe("loading");
  say({ kind: "answer", id: sent[2]?.id, result: scoresTree([2]) });
  await settled();
  expect(root.dataset.state).toBe("ready");
  expect(text(one(root, ".tb-scores-question"))).toBe("Why did the model say it at step 2?");
});

test("another selected field sends no request", async () => {
  vi.useFakeTimers();
  const { selection, sent } = await show(tokenScores, STATE, answering());
  selection.set("_state", { seq: 5, fields: { step: 0, token: 1, query: 1, layer: 3 } });
  vi.advanceTimersByTime(SILENCE_MS);
  expect(sent.filter(({ kind }) => kind === "ask").length).toBe(1);
});

test("order and length of the list stay as they were set, from step to step", async () => {
  vi.useFakeTimers();
  const { root, selection } = await show(tokenScores, STATE, answering());
  one(root, '[data-option="position"]').click();
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  await vi.advanceTimersByTimeAsync(SETTLE_MS);
  expect(listed(root)).toEqual([0, 1, 2, 3]);
  expect(one(root, '[data-option="position"]').getAttribute("aria-checked")).toBe("true");
});

test("after another step the focus is still in the text", async () => {
  vi.useFakeTimers();
  const { root } = await show(tokenScores, STATE, answering());
  pieces(root)[0]?.click();
  pieces(root)[4]?.click();
  await vi.advanceTimersByTimeAsync(SETTLE_MS);
  expect(pieces(root)).toContain(document.activeElement);
});

test("nothing is asked after the view has ended", async () => {
  vi.useFakeTimers();
  const { selection, sent, end } = await show(tokenScores, STATE, answering());
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  end();
  vi.advanceTimersByTime(SILENCE_MS);
  expect(sent.filter(({ kind }) => kind === "ask").length).toBe(1);
});

test("the next step is shown in the same elements; if it takes longer, the view says so in their place", async () => {
  const late: Message[] = [];
  const { root, selection, say } = await show(tokenScores, STATE, {
    reply: (message) => {
      if (message.kind === "ask" && stepOf(message) === 2) late.push(message);
      return message.kind === "ask" && stepOf(message) !== 2
        ? { kind: "answer", result: scoresTree([stepOf(message) ?? 0], 6, 3, { code: `step ${stepOf(message)}` }) }
        : undefined;
    },
    fields: { step: 0, query: 2 },
  });
  const [first, said] = [one(root, ".tb-scores-text .tb-text"), () => pieces(root).map((el) => el.getAttribute("aria-label"))];
  const before = said();
  vi.useFakeTimers();
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  await vi.advanceTimersByTimeAsync(SETTLE_MS);
  expect(root.dataset.state).toBe("ready");
  expect(one(root, ".tb-scores-text .tb-text")).toBe(first);
  expect(said()).not.toEqual(before);
  expect(text(one(root, ".tb-scores-question"))).toBe("Why did the model say it at step 1?");
  expect(all(root, ".tb-head h2").length).toBe(1);
  const shown = said();
  selection.set("_state", { seq: 6, fields: { step: 2, query: 4 } });
  await vi.advanceTimersByTimeAsync(SETTLE_MS + 10);
  // The step before, paler, and named as such.
  expect([root.dataset.state, said()]).toEqual(["loading", shown]);
  expect(text(one(root, ".tb-scores-question"))).toContain("Step 2");
  await vi.advanceTimersByTimeAsync(PATIENCE_MS);
  expect([pieces(root).length, text(one(root, ".tb-state"))]).toEqual([0, "Loading the token scores …Cancel"]);
  say({ kind: "answer", id: late[0]?.id, result: scoresTree([2], 6, 3) });
  await vi.advanceTimersByTimeAsync(0);
  expect([root.dataset.state, pieces(root).length]).toEqual(["ready", 6]);
  expect(text(one(root, ".tb-scores-question"))).toBe("Why did the model say it at step 2?");
});

test("after an answer that cannot be shown nothing of it or of the one before is left", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const { root, selection } = await show(tokenScores, STATE, {
    reply: (message) =>
      message.kind === "ask"
        ? { kind: "answer", result: scoresTree([stepOf(message) ?? 0], 6, 3, stepOf(message) === 1 ? { values: null } : {}) }
        : undefined,
    fields: { step: 0, query: 2 },
  });
  expect(all(root, ".tb-check-word").length).toBe(1);
  vi.useFakeTimers();
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  await vi.advanceTimersByTimeAsync(SETTLE_MS + 10);
  expect(root.dataset.state).toBe("error");
  expect([all(root, ".tb-check-word").length, all(root, ".tb-legend").length, pieces(root).length]).toEqual([0, 0, 0]);
  // The next valid answer is shown.
  selection.set("_state", { seq: 6, fields: { step: 2, query: 4 } });
  await vi.advanceTimersByTimeAsync(SETTLE_MS + 10);
  expect([root.dataset.state, pieces(root).length, all(root, ".tb-check-word").length]).toEqual(["ready", 6, 1]);
});

test("the line stays about the focused token at the next step", async () => {
  const { root, selection } = await show(tokenScores, STATE, { ...answering(), fields: { step: 0, query: 2 } });
  pieces(root)[0]?.focus();
  vi.useFakeTimers();
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  await vi.advanceTimersByTimeAsync(SETTLE_MS + 10);
  expect(document.activeElement).toBe(pieces(root)[0]);
  expect(text(one(root, ".tb-detail"))).toContain("position 0");
});

test("a missing step comes with the code that computes it, and a button to the first step", async () => {
  const reply = (message: Message) =>
    message.kind === "ask" && stepOf(message) === 0
      ? { kind: "answer", result: scoresTree([0]) }
      : { kind: "error", error: "This saved page does not have this answer.", absent: true, code: message.request?.code };
  const { root, selection, fields } = await show(tokenScores, STATE, { reply, offline: true });
  selection.set("_state", { seq: 5, fields: { step: 2, query: 4 } });
  await settled();
  expect(root.dataset.state).toBe("absent");
  expect(text(one(root, ".tb-code"))).toContain("tb.Target(step=2,");
  expect(text(one(root, ".tb-scores-question"))).toContain("Step 2, token “\u2068<|im_end|>\u2069”.");
  expect(root.querySelector(".tb-menu-button")).toBeNull();
  const back = all(root, ".tb-state button").at(-1) as HTMLElement;
  expect(text(back)).toBe("Go to step 0");
  back.click();
  await settled();
  expect([root.dataset.state, fields().step]).toEqual(["ready", 0]);
});

test("without a step the first one is shown, and the view says so", async () => {
  const { root, sent } = await show(tokenScores, STATE, { ...answering(), fields: { step: null, query: null } });
  expect(sent.map(told)).toEqual(["ask 0"]);
  expect(text(one(root, ".tb-scores-question"))).toContain("No step is selected: this is step 0.");
});

test("a result for every step is requested once, and shows the selected step", async () => {
  const { root, selection, sent } = await show(
    tokenScores,
    { ...STATE, _requests: [EVERY] },
    { ...atEveryStep, fields: { step: 1 } },
  );
  expect(sent.map(told)).toEqual(["ask null"]);
  expect(listed(root)).toEqual([3, 2, 1, 0]);
  selection.set("_state", { seq: 5, fields: { step: 2, query: 4 } });
  await settled();
  expect(listed(root)).toEqual([4, 3, 2, 1, 0]);
  expect(text(one(root, ".tb-scores-question"))).toBe("Why did the model say it at step 2?");
  expect(one(root, '[role=rowheader][aria-selected="true"]').dataset.step).toBe("2");
  expect(sent.length).toBe(1);
});

test("its table is steps x tokens with signed numbers, and no number for later tokens; a click selects both", async () => {
  const { root, fields } = await show(tokenScores, { ...STATE, _requests: [EVERY] }, atEveryStep);
  const cell = (step: number, token: number) => one(root, `[role=gridcell][data-step="${step}"][data-token="${token}"]`);
  expect(all(root, "[role=rowheader]").map(text)).toEqual(["0 ·Paris", "1 ↵", "2 <|im_end|>"]);
  expect([text(cell(0, 1)), text(cell(1, 1)), text(cell(0, 3)), text(cell(1, 3))]).toEqual(["−2.0", "−4.0", "", "−8.0"]);
  cell(1, 2).click();
  expect(fields()).toMatchObject({ step: 1, token: 2, query: 3 });
  expect([selected(pieces(root)), selected(rows(root))]).toEqual([[2], [2]]);
  expect(cell(1, 2).getAttribute("aria-selected")).toBe("true");
  one(root, '[role=rowheader][data-step="2"]').click();
  expect(fields()).toMatchObject({ step: 2, token: null, query: 4 });
});

test("a single step has no table", async () => {
  const { root } = await show(tokenScores, STATE, answering());
  expect(root.querySelector("[role=grid]")).toBeNull();
});

test("markup in a token stays text", async () => {
  const { root } = await show(tokenScores, { ...STATE, _traces: [traceTree([5, 5, 5, 5, 5, 5])] }, answering());
  expect(text(pieces(root)[0] as Element)).toBe("</script>");
  expect(root.querySelector("script")).toBeNull();
});

test("a missing request or text is an error with a sentence", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const without = await show(tokenScores, { ...STATE, _requests: [null] });
  expect(text(without.root)).toContain("no request");
  const empty = await show(tokenScores, { _requests: [SCORES_REQUEST] });
  expect(text(empty.root)).toContain("need the text");
});

test("the CSV has the tokens with a score, step by step, as exact floats", () => {
  const data = decode(traceTree()) as Text;
  const tree = scoresTree([0, 1], 6, 3, {
    scores: packed([0.1, -2, NaN, NaN, NaN, NaN, 1, 2, 3, 4, NaN, NaN], { step: 2, token: 6 }),
  });
  const lines = numbers(scores(tree), data).trim().split("\r\n");
  expect(lines.slice(0, 3)).toEqual(["step,token,token_id,text,score", "0,0,0,The,0.10000000149011612", "0,1,1, city,-2"]);
  expect(lines.length).toBe(1 + 2 + 4);
});

test("a row of scores has its tokens, its sums, and the order by size", () => {
  const found = scores(scoresTree([0, 2]));
  const row = rowOf(found, 2);
  expect(row).toMatchObject({ tokens: [0, 1, 2, 3, 4], sum: 9, sizes: 45, widest: 15 });
  expect(rowOf(found, 2)).toBe(row);
  expect(bySize(rowOf(found, 0))).toEqual([2, 1, 0]);
  expect(widestOf(found)).toBe(15);
});

test("figures have signs, enough digits, and no false zero", () => {
  expect([2.328, -0.151, 0, -0].map((x) => signed(x, 2.33))).toEqual(["+2.33", "−0.15", "0.00", "0.00"]);
  expect([0.00984, 4e-9].map((x) => signed(x, 0.00984))).toEqual(["+0.0098", "+4e−9"]);
});

test("in a column or a table every number has as many digits as the others", () => {
  expect([2.328, -0.0051, 0.0049, 0, -0, -5.174].map((x) => inColumn(x, 5.174))).toEqual([
    "+2.33",
    "−0.01",
    "+0.00",
    "0.00",
    "0.00",
    "−5.17",
  ]);
  expect([0.00984, 4e-9].map((x) => inColumn(x, 0.00984))).toEqual(["+0.0098", "+0.0000"]);
  expect([133.25, -43.54, 0.2, 0].map((x) => inCell(x, 133.25))).toEqual(["+133", "−44", "0", "0"]);
  expect([43.25, -0.02, 0.2, 0].map((x) => inCell(x, 43.25))).toEqual(["+43.3", "0", "+0.2", "0"]);
  expect([4.325, 0.005, 0.0149].map((x) => inCell(x, 4.325))).toEqual(["+4.33", "+0.01", "+0.01"]);
});

test("names of methods are words", () => {
  expect(["IntegratedGradients(n_steps=64)", "InputXGradient()", "DeepLIFT()", "gradient"].map(methodName)).toEqual([
    "Integrated gradients",
    "Input × gradient",
    "Deep LIFT",
    "Gradient",
  ]);
});

test("adaptive points are named", () => {
  const adaptive = "IntegratedGradients(n_steps=64, baseline='eos', quadrature='adaptive')";
  expect(methodLine({ method: adaptive, baseline: "each embedding replaced by zeros" })).toBe(
    "Integrated gradients, 64 adaptive points; baseline: each embedding replaced by zeros.",
  );
  expect(methodLine({ method: adaptive.replace("adaptive", "gauss-legendre"), baseline: "" })).toBe("Integrated gradients.");
});

test("shares never round to all or nothing", () => {
  const tree = scoresTree([0], 6, 3, { scores: packed([1000, 1, NaN, NaN, NaN, NaN], { step: [0], token: 6 }) });
  expect(full(scores(tree), 0, [0])).toContain("more than 99 %");
  expect(full(scores(tree), 0, [1])).toContain("less than 1 %");
  expect(sumLine(scores(tree), traceTree() as unknown as Text, 0).sentence).toContain("+1001.00");
});

/** The sent messages, by kind and step. */
function told(message: Message): string {
  return message.kind === "ask" ? `ask ${stepOf(message)}` : message.kind;
}

const METHODS = [
  { label: "slow", method: "IntegratedGradients(n_steps=64)", analysis: "IntegratedGradients", params: { n_steps: 64 } },
  { label: "quick", method: "InputXGradient()", analysis: "InputXGradient", params: {} },
];

test("the form asks another question, and the next step asks it too", async () => {
  const made = await show(tokenScores, { ...STATE, _data: { methods: METHODS } }, answering());
  const form = one(made.root, ".tb-scores-ask");
  const [why, rather] = all(form, "input") as HTMLInputElement[];
  (why as HTMLInputElement).value = "·Berlin";
  (rather as HTMLInputElement).value = "nobody knows";
  form.dispatchEvent(new Event("submit", { cancelable: true }));
  await settled();
  const request = () => (made.sent.filter(({ kind }) => kind === "ask").at(-1) as { request: Request }).request;
  expect(request().target).toMatchObject({ step: 0, token: " Berlin", against: "nobody knows" });
  const method = one(form, "select") as HTMLSelectElement;
  method.value = [...method.options].find(({ text }) => text === "quick")?.value ?? "";
  method.dispatchEvent(new Event("change"));
  await settled();
  expect(request()).toMatchObject({ analysis: "InputXGradient", params: {}, target: { token: " Berlin" } });
  expect(request().code).toBe('tb.InputXGradient()(lm, trace, tb.Target(step=0, token=" Berlin", against="nobody knows"))\n');
  made.selection.set("_state", { seq: 5, fields: { step: 2, query: 4 } });
  await new Promise((done) => setTimeout(done, SETTLE_MS + 50));
  expect(request()).toMatchObject({ analysis: "InputXGradient", target: { step: 2, token: " Berlin" } });
});

test("a suggested token is requested by its id", () => {
  const data = { ...(decode(traceTree()) as Text), methods: METHODS } as Choices;
  const [id, piece] = Object.entries(data.vocab ?? {})[0] as [string, Piece];
  expect(idOrText(data, piece[1])).toBe(Number(id));
  expect(idOrText(data, "")).toBeNull();
  expect(idOrText(data, "·un·heard")).toBe(" un heard");
});

test("a token that the first request has as text stays text, also if it is typed again", async () => {
  const [, piece] = Object.entries((decode(traceTree()) as Choices).vocab ?? {})[0] as [string, Piece];
  const target = { step: 0, token: null, against: piece[1].replaceAll("·", " "), of: "logit" };
  const made = await show(
    tokenScores,
    { ...STATE, _data: { methods: METHODS }, _requests: [{ ...SCORES_REQUEST, target }] },
    answering(),
  );
  const form = one(made.root, ".tb-scores-ask");
  const rather = all(form, "input")[1] as HTMLInputElement;
  const submit = async (value: string) => {
    rather.value = value;
    form.dispatchEvent(new Event("submit", { cancelable: true }));
    await settled();
    return (made.sent.filter(({ kind }) => kind === "ask").at(-1) as { request: Request }).request.target;
  };
  expect(rather.value).toBe(piece[1]);
  expect(await submit(rather.value)).toEqual(target);
  expect(await submit("")).toMatchObject({ against: null });
  expect(await submit(piece[1])).toEqual(target);
});

test("every step is None in Python", async () => {
  const made = await show(tokenScores, { ...STATE, _data: { methods: METHODS }, _requests: [EVERY] }, atEveryStep);
  const method = one(made.root, ".tb-scores-ask select") as HTMLSelectElement;
  method.value = [...method.options].find(({ text }) => text === "quick")?.value ?? "";
  method.dispatchEvent(new Event("change"));
  await settled();
  const { request } = made.sent.filter(({ kind }) => kind === "ask").at(-1) as { request: Request };
  expect(request.code).toBe("tb.InputXGradient()(lm, trace, tb.Target(step=None))\n");
});

test("in a page about every step, a contrast that is stored for one step is found", async () => {
  const reply = (message: Message) => {
    const { step, against } = (message.request as Request).target as { step: number | null; against: unknown };
    const isHere = against === null ? step === null : step === 0;
    if (!isHere) return { kind: "error", error: "This saved page does not have this answer.", absent: true, code: "" };
    return { kind: "answer", result: scoresTree(step === null ? [0, 1, 2] : [0]) };
  };
  const state = { ...STATE, _data: { methods: METHODS }, _requests: [EVERY] };
  const { root, model, selection } = await show(tokenScores, state, { reply, offline: true });
  const submit = async (against: string) => {
    (all(root, ".tb-scores-ask input")[1] as HTMLInputElement).value = against;
    one(root, ".tb-scores-ask").dispatchEvent(new Event("submit", { cancelable: true }));
    await settled();
  };
  await submit("·Rome");
  expect([root.dataset.state, (model.get("_asked") as { t: Request }).t.target]).toEqual([
    "ready",
    { step: 0, token: null, against: 8, of: "logit" },
  ]);
  await submit("");
  expect([root.dataset.state, model.get("_asked")]).toEqual(["ready", null]);
  // If no step has it, the request is sent as it is.
  selection.set("_state", { seq: 5, fields: { step: 2, query: 4 } });
  await submit("·Rome");
  expect([root.dataset.state, (model.get("_asked") as { t: Request }).t.target]).toEqual([
    "absent",
    { step: null, token: null, against: 8, of: "logit" },
  ]);
});

test("without any answer the line above follows the step, and there is no button to another step", async () => {
  const reply = (message: Message) =>
    message.request?.analysis === "InputXGradient"
      ? { kind: "error", error: "This saved page does not have this answer.", absent: true, code: message.request.code }
      : { kind: "answer", result: scoresTree([stepOf(message) ?? 0]) };
  const { root, selection } = await show(tokenScores, { ...STATE, _data: { methods: METHODS } }, { reply, offline: true });
  const method = one(root, ".tb-scores-ask select") as HTMLSelectElement;
  method.value = [...method.options].find(({ text }) => text === "quick")?.value ?? "";
  method.dispatchEvent(new Event("change"));
  for (const step of [2, 1]) {
    selection.set("_state", { seq: 5 - step + 2, fields: { step, query: 2 + step } });
    await settled();
    expect([root.dataset.state, text(one(root, ".tb-scores-question"))]).toEqual([
      "absent",
      expect.stringContaining(`Step ${step}, token`),
    ]);
    expect(all(root, ".tb-state button").map(text)).not.toContain("Go to step 0");
  }
});

test("without methods there is no form", async () => {
  const { root } = await show(tokenScores, STATE, answering());
  expect(one(root, ".tb-scores-ask").hidden).toBe(true);
});
