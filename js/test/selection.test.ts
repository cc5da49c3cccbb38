import { expect, test, vi } from "vitest";
import cases from "../../tests/fixtures/steps.json";
import moves from "../../tests/fixtures/traces.json";
import { StaticModel } from "../src/offline/model";
import type { Fields, SelectionModel, State } from "../src/selection";
import {
  onTrace,
  position,
  readElsewhere,
  Selection,
  selectLensCell,
  selectStep,
  selectToken,
  selectTrace,
  stepAt,
  tokenOf,
} from "../src/selection";

function made(fields: object = {}, seq = 4) {
  const sent: unknown[] = [];
  const model = new StaticModel({ _state: { seq, fields } }, (_, message) => sent.push(message));
  const selection = new Selection(model as unknown as SelectionModel);
  return { model, selection, sent, state: () => model.get("_state") as State };
}

const TRACE = { prompt_length: 3, steps: 5 };

for (const { step, position: at, token, ...trace } of cases) {
  test(`step ${step} after ${trace.prompt_length} prompt tokens is read at ${at}`, () => {
    expect(position(trace, step)).toBe(at);
    expect(tokenOf(trace, step)).toBe(token);
    expect(stepAt(trace, at)).toBe(step);
  });

  test(`a click on generated token ${token} of ${trace.prompt_length} + ${trace.steps} selects its step`, () => {
    const { selection } = made();
    selectToken(selection, trace, token);
    expect(selection.fields).toMatchObject({ step, token, query: at });
  });
}

for (const { before, trace, index, after } of moves) {
  test(`on a trace of ${trace.prompt_length} + ${trace.steps} tokens ${JSON.stringify(before)} is what Python says`, () => {
    expect(onTrace(before as Fields, index, trace)).toEqual(after);
  });
}

test("another trace is selected in one change; a missing one is not selected", () => {
  const { selection, sent } = made({ trace: 0, step: 4, query: 6, token: 7, rank: 1 });
  const traces = [TRACE, { prompt_length: 1, steps: 2 }];
  selectTrace(selection, traces, 1);
  expect(selection.fields).toMatchObject({ trace: 1, step: 0, query: 0, token: null, rank: 1 });
  selectTrace(selection, traces, 2);
  expect(sent).toHaveLength(1);
});

test("a listener that another listener has removed is not called", () => {
  const { selection } = made();
  const [life, inner] = [new AbortController(), new AbortController()];
  const heard = vi.fn();
  selection.on(() => inner.abort(), life.signal);
  selection.on(heard, inner.signal);
  selection.set({ step: 1 });
  expect(heard).not.toHaveBeenCalled();
});

test("positions without a generated token have no step", () => {
  expect(stepAt(TRACE, 1)).toBeNull();
  expect(stepAt(TRACE, 7)).toBeNull();
});

test("selecting a step sets its position and clears the token, in one change", () => {
  const { selection, sent } = made({ token: 1 });
  selectStep(selection, TRACE, 2);
  expect(selection.fields).toMatchObject({ step: 2, query: 4, token: null });
  expect(sent).toHaveLength(1);
});

test("a click on a prompt token sets token and query, and leaves the step", () => {
  const { selection } = made({ step: 3, query: 5 });
  selectToken(selection, TRACE, 1);
  expect(selection.fields).toMatchObject({ step: 3, token: 1, query: 1 });
});

test("a click on a lens cell sets layer and query, and the step that it predicts, else the token at the position", () => {
  const { selection } = made({ step: 0, token: 1 });
  selectLensCell(selection, TRACE, -1, 6);
  expect(selection.fields).toMatchObject({ layer: -1, query: 6, step: 4, token: null });
  selectLensCell(selection, TRACE, 2, 0);
  expect(selection.fields).toMatchObject({ layer: 2, query: 0, step: 4, token: 0 });
});

test("the query is elsewhere unless it is the position of the step", () => {
  expect(readElsewhere(TRACE, { step: 1, query: 3 })).toBeNull();
  expect(readElsewhere(TRACE, { step: null, query: 2 })).toBeNull();
  expect(readElsewhere(TRACE, { step: 1, query: null })).toBeNull();
  expect(readElsewhere(TRACE, { step: 1, query: 2 })).toBe(2);
  expect(readElsewhere({ prompt_length: 3, steps: 0 }, { step: null, query: 2 })).toBe(2);
});

test("a change is sent as the trait and as a message, with the next number", () => {
  const { selection, sent, state } = made({ step: 1 }, 7);
  selection.set({ layer: 3 });
  expect(state()).toMatchObject({ seq: 8, fields: { step: 1, layer: 3 } });
  expect(sent).toEqual([{ kind: "select", ...state() }]);
});

test("listeners hear each change once, from here and from the kernel, until they are gone", () => {
  const { model, selection } = made();
  const heard = vi.fn();
  const life = new AbortController();
  selection.on(heard, life.signal);
  selection.set({ step: 1 });
  expect(heard).toHaveBeenCalledTimes(1);
  model.set("_state", { seq: 9, fields: { step: 2 } });
  expect(heard).toHaveBeenCalledTimes(2);
  expect(selection.fields.step).toBe(2);
  life.abort();
  selection.set({ step: 3 });
  expect(heard).toHaveBeenCalledTimes(2);
});

test("an older state does not win", () => {
  const { model, selection } = made({ step: 1 }, 7);
  model.set("_state", { seq: 6, fields: { step: 0 } });
  expect(selection.fields.step).toBe(1);
  selection.set({ step: 2 });
  expect(model.get("_state")).toMatchObject({ seq: 8 });
});

test("two selections on one model follow each other", () => {
  const { model, selection } = made();
  const other = new Selection(model as unknown as SelectionModel);
  selection.set({ head: 4 });
  expect(other.fields.head).toBe(4);
});

test("a kernel that is gone does not stop the bench", () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
  const model = new StaticModel({ _state: { seq: 1, fields: {} } }, () => {
    throw new Error("Cannot send: the kernel is dead");
  });
  const selection = new Selection(model as unknown as SelectionModel);
  selection.set({ step: 1 });
  expect(selection.fields.step).toBe(1);
  expect(warned).toHaveBeenCalledOnce();
  warned.mockRestore();
});

test("a listener that throws stops neither the others nor Python", () => {
  const reported = vi.spyOn(console, "error").mockImplementation(() => {});
  const { selection, sent } = made();
  const life = new AbortController().signal;
  const heard = vi.fn();
  selection.on(() => {
    throw new Error("it broke");
  }, life);
  selection.on(heard, life);
  selection.set({ step: 1 });
  expect(heard).toHaveBeenCalledOnce();
  expect(sent).toHaveLength(1);
  expect(reported).toHaveBeenCalledOnce();
  reported.mockRestore();
});

test("a change by a listener reaches all listeners after the change before, and stays", () => {
  const { selection, state } = made();
  const life = new AbortController().signal;
  const heard: unknown[] = [];
  selection.on(({ step }) => {
    if (step === 1) selection.set({ step: 2 });
  }, life);
  selection.on(({ step }) => heard.push(step), life);
  selection.set({ step: 1 });
  expect(heard).toEqual([1, 2]);
  expect(state().fields.step).toBe(2);
});
