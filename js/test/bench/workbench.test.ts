import { afterEach, expect, test, vi } from "vitest";
import workbench from "../../src/bench/workbench";
import lensTable from "../../src/lens_table/view";
import { PING_MS, SILENCE_MS } from "../../src/requests/liveness";
import { all, CHECK, key, lensTree, type Message, one, REQUEST, settled, show, traceTree } from "../made";
import { benchState, benchTree, showBench } from "./made";

const TRACE = traceTree(undefined, 3, {
  model: { name: "<img src=x>", layers: 3, heads: 2, dtype: "float32", device: "cpu" },
  questions: [["Why did the model say “·Paris” at step 0?"], ["Why “↵”?"], ["Why?"]],
  said: [["The model said ", { token: "·Paris" }, " with p = 0.70"], ["It said ", { token: "↵" }], ["It said no more"]],
});
const STATE = benchState(TRACE);
const text = (el: Element) => el.textContent ?? "";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("the head says which model, and that the checks hold", async () => {
  const { root } = await show(workbench, STATE);
  expect(root.classList.contains("tb-bench")).toBe(true);
  expect(root.dataset).toMatchObject({ view: "workbench", state: "ready" });
  expect(root.hasAttribute("data-live")).toBe(true);
  expect(text(one(root, ".tb-bench-head"))).toContain("<img src=x>3 layers · 2 heads · float32 · cpu");
  expect(text(one(root, ".tb-check-word"))).toBe("✓ 1 of 1 check holds");
  expect(root.querySelector("img")).toBeNull();
});

test("question and summary follow the step, with tokens in their own style", async () => {
  const { root, selection } = await show(workbench, STATE);
  expect(text(one(root, "h1"))).toBe("Why did the model say “·Paris” at step 0?");
  expect(text(one(root, ".tb-summary .tb-token-word"))).toBe("·Paris");
  selection.set("_state", { seq: 5, fields: { step: 1, query: 3 } });
  expect(text(one(root, "h1"))).toBe("Why “↵”?");
});

test("the head says so if another position is selected", async () => {
  const { root, selection } = await show(workbench, STATE);
  const target = one(root, ".tb-target");
  expect([target.hasAttribute("data-elsewhere"), one(root, ".tb-elsewhere").hidden]).toEqual([false, true]);
  selection.set("_state", { seq: 5, fields: { step: 1, query: 0 } });
  expect([target.hasAttribute("data-elsewhere"), one(root, ".tb-elsewhere").hidden]).toEqual([true, false]);
  expect(text(one(root, ".tb-elsewhere"))).toBe("This is about step 1. Position 0 is selected; it does not predict this step.");
});

test("the head says what the bench does not show", async () => {
  const without = await show(workbench, STATE);
  expect(one(without.root, ".tb-bench-note").hidden).toBe(true);
  const { root } = await show(workbench, benchState(TRACE, { notes: ["No <b>attention</b>."] }));
  expect([one(root, ".tb-bench-note").hidden, text(one(root, ".tb-bench-note"))]).toEqual([false, "No <b>attention</b>."]);
});

test("the stepper goes from the first step to the last, and not past them", async () => {
  const { root, fields } = await show(workbench, STATE);
  const [back, forward] = all(root, ".tb-stepper button") as [HTMLButtonElement, HTMLButtonElement];
  expect(text(one(root, ".tb-step-word"))).toBe("step 0 (0–2)");
  expect(back.getAttribute("aria-disabled")).toBe("true");
  forward.click();
  expect(fields()).toMatchObject({ step: 1, query: 3 });
  expect(key(forward, "ArrowRight", { shiftKey: true })).toBe(true);
  expect(key(forward, "ArrowRight")).toBe(false);
  expect(fields().step).toBe(2);
  expect([forward.disabled, forward.getAttribute("aria-disabled")]).toEqual([false, "true"]);
  key(forward, "ArrowRight");
  expect(fields().step).toBe(2);
});

test("without a step the first is shown, and the head says so", async () => {
  const { root } = await show(workbench, STATE, { fields: { step: null, query: null } });
  expect(text(one(root, ".tb-step-word"))).toBe("all steps (0 is shown)");
  expect(text(root)).not.toMatch(/null|NaN|undefined/);
});

test("the answer of a view adds its sentence and its checks to the head, without a second request", async () => {
  const reply = ({ kind }: Message) => (kind === "ask" ? { kind: "answer", result: lensTree() } : undefined);
  const lens = { stem: "lens_table", definition: lensTable, state: { _requests: [REQUEST] } };
  const data = benchTree({ continues: [0] });
  const { root, sent } = await showBench([lens], { data, traces: [TRACE], reply });
  expect(sent.filter(({ kind }) => kind === "ask")).toHaveLength(1);
  expect(text(one(root, ".tb-summary"))).toBe("The model said ·Paris with p = 0.70; top choice from layer 1 to 2.");
  expect(text(one(root, ".tb-bench-head .tb-check-word"))).toBe("✓ 2 of 2 checks hold");
  expect(one(root, '[data-stem="lens_table"] [data-view="lens_table"]').dataset.state).toBe("ready");
});

test("checks that do not hold are said in words", async () => {
  const broken = { ...CHECK, name: "last row = the model", kind: "identity", state: "broken", value: null };
  const { root } = await show(workbench, benchState({ ...TRACE, checks: [CHECK, { ...CHECK, state: "amber" }, broken] }));
  expect(text(one(root, ".tb-check-word"))).toBe("✗ 1 of 3 checks hold");
  one(root, ".tb-check-word").click();
  const list = one(root, ".tb-check-list");
  expect(list.closest("[hidden]")).toBeNull();
  expect(text(list)).toContain("last row = the model BROKEN: unknown, limit 5.0e−5 of the range · must hold");
  key(list, "Escape");
  expect(list.closest("[hidden]")).not.toBeNull();
});

test("saving says where the file is and how large", async () => {
  const reply = ({ kind, action }: Message) =>
    kind === "act" && action === "save"
      ? { kind: "answer", result: { path: "the-city.html", size: 1_234_567, note: "" } }
      : undefined;
  const { root } = await show(workbench, STATE, { reply });
  all(root, "button")
    .find((button) => text(button) === "Save HTML")
    ?.click();
  await settled();
  expect(text(one(root, ".tb-saved"))).toContain("Saved as the-city.html (1.2 MB)");
});

test("an error of saving is a sentence", async () => {
  const { root } = await show(workbench, STATE, {
    reply: () => ({ kind: "error", error: "The folder is read-only.", absent: false }),
  });
  all(root, "button")
    .find((button) => text(button) === "Save HTML")
    ?.click();
  await settled();
  expect(text(one(root, ".tb-saved"))).toBe("Not saved: The folder is read-only.");
});

test("saving without a connection says so, and can be tried again", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const reply = () => {
    throw new Error("Cannot send");
  };
  const { root } = await show(workbench, STATE, { reply });
  const button = all(root, "button").find((each) => text(each) === "Save HTML") as HTMLButtonElement;
  button.click();
  await settled();
  expect(text(one(root, ".tb-saved"))).toMatch(/^Not saved: The kernel cannot be reached/);
  expect(button.disabled).toBe(false);
});

test("saving shows its progress, and can be cancelled", async () => {
  const { root, sent, say } = await show(workbench, STATE);
  const button = all(root, "button").find((each) => text(each) === "Save HTML") as HTMLButtonElement;
  button.click();
  const id = sent.find(({ action }) => action === "save")?.id;
  say({ kind: "progress", id, done: 1, total: 3, note: "LogitLens" });
  expect(text(one(root, ".tb-saved"))).toBe("Saving: LogitLens (1 of 3) … Cancel");
  one(root, ".tb-saved button").click();
  await settled();
  expect(sent).toContainEqual({ kind: "cancel", id });
  expect([text(one(root, ".tb-saved")), button.disabled]).toEqual(["Not saved: it was cancelled.", false]);
});

test("a silent kernel is reported while saving, and saving can be tried again", async () => {
  vi.useFakeTimers();
  const { root, sent, say } = await show(workbench, STATE);
  const button = all(root, "button").find((each) => text(each) === "Save HTML") as HTMLButtonElement;
  button.click();
  expect([button.disabled, text(one(root, ".tb-saved"))]).toEqual([true, "Saving … Cancel"]);
  vi.advanceTimersByTime(PING_MS + SILENCE_MS);
  expect([button.disabled, text(one(root, ".tb-saved"))]).toEqual([
    false,
    "Saving … The kernel does not answer: it is busy or gone. Cancel",
  ]);
  say({ kind: "answer", id: sent.find(({ action }) => action === "save")?.id, result: { path: "a.html", size: 1, note: "" } });
  await settled();
  expect(text(one(root, ".tb-saved"))).toContain("Saved as a.html");
});

test("the button shows the expected size of the file, part by part", async () => {
  const reply = ({ kind, action }: Message) =>
    kind === "act" && action === "size"
      ? { kind: "answer", result: { size: 182_000, least: false, note: "code 103 kB, LogitLens 33 kB" } }
      : undefined;
  const { root, sent } = await show(workbench, STATE, { reply });
  expect(sent).toEqual([]);
  const button = all(root, "button").find((each) => text(each) === "Save HTML") as HTMLButtonElement;
  button.dispatchEvent(new Event("pointerenter"));
  await settled();
  expect([text(button), text(one(root, ".tb-expected"))]).toEqual([
    "Save HTML",
    "One file, about 182 kB: code 103 kB, LogitLens 33 kB.",
  ]);
  button.click();
  expect(text(one(root, ".tb-saved"))).toBe("Saving (about 182 kB) … Cancel");
});

test("a saved page offers no saving", async () => {
  const { root } = await show(workbench, STATE, { offline: true });
  expect(all(root, "button").map(text)).not.toContain("Save HTML");
});

test("a silent kernel is reported until it answers", async () => {
  vi.useFakeTimers();
  const { root, sent, say } = await show(workbench, STATE);
  const banner = one(root, ".tb-banner");
  expect(banner.hidden).toBe(true);
  vi.advanceTimersByTime(PING_MS + SILENCE_MS);
  expect(banner.hidden).toBe(false);
  expect(text(banner)).toBe("The kernel does not answer: it is busy or gone. You can still read the results.");
  say({ kind: "pong", id: sent.at(-1)?.id });
  expect(banner.hidden).toBe(true);
});

test("a text without steps has no stepper", async () => {
  const { root } = await show(workbench, benchState(traceTree([0, 1, 2], 3)));
  expect(one(root, ".tb-stepper").hidden).toBe(true);
  expect(text(one(root, "h1"))).toContain("Nothing was generated");
});

test("a view that fails does not take the bench with it", async () => {
  const failing = {
    render: () => {
      throw new Error("it broke");
    },
  };
  const { root } = await showBench([{ stem: "bad", definition: failing }]);
  expect(text(one(root, '[data-stem="bad"]'))).toBe("This view could not be shown: it broke");
  expect(root.dataset.state).toBe("ready");
});
