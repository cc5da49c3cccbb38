import { afterEach, expect, test, vi } from "vitest";
import type { Context } from "../src/afm";
import { widget } from "../src/afm";
import { LabeledArray } from "../src/wire";
import { packed, REQUEST, settled, show } from "./made";

afterEach(() => {
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

const EMPTY = { get: () => undefined, set: () => {}, save_changes: () => {}, on: () => {}, off: () => {} };

test("a view gets its decoded data, its request, the selection and a way to ask", async () => {
  const view = vi.fn((_context: Context<{ probs: LabeledArray }>) => {});
  await show(widget("toy_view", view), { _data: { probs: packed([1], { step: 1 }) }, _requests: [null] });
  expect(view).toHaveBeenCalledOnce();
  const [{ el, data, request, selection, ask, answers }] = view.mock.calls[0] as [Context<{ probs: LabeledArray }>];
  expect(data.probs).toBeInstanceOf(LabeledArray);
  expect(request).toBeNull();
  expect(selection.fields.step).toBe(0);
  expect(ask).toBe(answers.ask);
  expect([el.className, el.dataset.view]).toEqual(["tb tb-toy-view", "toy_view"]);
});

test("data and request that change together cause one drawing, and the one before ends", async () => {
  const lives: AbortSignal[] = [];
  const { model } = await show(
    widget("toy", ({ signal }) => {
      lives.push(signal);
    }),
    { _data: {} },
  );
  model.set("_data", { a: 1 });
  model.set("_requests", [REQUEST]);
  await settled();
  expect(lives.map(({ aborted }) => aborted)).toEqual([true, false]);
});

test("a view that throws is a sentence, not a hole", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  let life: AbortSignal | undefined;
  const { root } = await show(
    widget("toy", ({ signal }) => {
      life = signal;
      throw new Error("no <b>data</b>");
    }),
    {},
  );
  expect(life?.aborted).toBe(true);
  expect([root.dataset.state, root.textContent]).toEqual(["error", "no <b>data</b>"]);
});

test("a host without a signal ends the view by the returned function", async () => {
  let life: AbortSignal | undefined;
  const exports = {
    ...{ ask: () => {}, decode: (tree: unknown) => tree, fields: {}, on: () => {} },
    traces: async () => ({ all: [], index: 0, selected: null, on: () => {} }),
  };
  const host = { getModel: async () => EMPTY, getWidget: async () => ({ exports, render: async () => {} }) };
  const el = document.createElement("div");
  const view = widget("toy", ({ signal }) => {
    life = signal;
  });
  const end = await view.render({ model: EMPTY, el, host });
  expect([life?.aborted, el.childElementCount]).toEqual([false, 1]);
  end();
  expect([life?.aborted, el.childElementCount]).toEqual([true, 0]);
});

test("in a host that cannot compose widgets the view says what to do", async () => {
  const el = document.createElement("div");
  await widget("toy", () => {}).render({ model: EMPTY, el });
  expect(el.textContent).toContain("anywidget older than 0.11");
});
