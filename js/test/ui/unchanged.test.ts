// A key that changes nothing in a view writes nothing there, because every write costs style, layout and paint.

import { expect, test } from "vitest";
import workbench from "../../src/bench/workbench";
import generation from "../../src/generation/view";
import lensTable from "../../src/lens_table/view";
import { ifChanged } from "../../src/ui/unchanged";
import { benchState } from "../bench/made";
import { lensTree, type Message, one, REQUEST, type Shown, settled, show, traceTree, watched } from "../made";

test("it draws once for equal arguments, and again for others", () => {
  const drawn: unknown[] = [];
  const draw = ifChanged((a: number | null, b: string) => drawn.push([a, b]));
  for (const [a, b] of [
    [null, "x"],
    [null, "x"],
    [Number.NaN, "x"],
    [Number.NaN, "x"],
    [null, "x"],
  ] as const)
    draw(a, b);
  expect(drawn).toEqual([
    [null, "x"],
    [Number.NaN, "x"],
    [null, "x"],
  ]);
});

test("after an error it draws at the next call, also with the arguments from before", () => {
  const drawn: string[] = [];
  let fails = false;
  const draw = ifChanged((what: string) => {
    if (fails) throw new Error(what);
    drawn.push(what);
  });
  draw("a");
  fails = true;
  expect(() => draw("b")).toThrow("b");
  expect(() => draw("b")).toThrow("b");
  fails = false;
  draw("a");
  draw("b");
  expect(drawn).toEqual(["a", "a", "b"]);
});

let seq = 100;

/** The writes to a view when these fields are selected. */
async function written({ root, selection }: Shown, fields: object): Promise<MutationRecord[]> {
  const told = watched(root);
  seq += 1;
  selection.set("_state", { seq, fields: { step: 0, query: 2, layer: null, token: null, ...fields } });
  await settled();
  return told();
}

/** Another head changes nothing, another step does. */
async function followsStepsAlone(shown: Shown): Promise<void> {
  expect(await written(shown, { head: 1 })).toEqual([]);
  expect((await written(shown, { step: 1, query: 3 })).length).toBeGreaterThan(0);
}

const STATE = { _traces: [traceTree()], _requests: [REQUEST] };
const reply = ({ kind }: Message) => (kind === "ask" ? { kind: "answer", result: lensTree() } : undefined);

test("another head changes nothing in the text, the decision and the chart of the steps", async () => {
  const shown = await show(generation, STATE);
  await followsStepsAlone(shown);
  expect(one(shown.root, ".tb-decision h3").textContent).toBe("The decision at step 1");
});

test("another head changes nothing in the lens", async () => {
  await followsStepsAlone(await show(lensTable, STATE, { reply }));
});

test("another head changes nothing in the head of the bench", async () => {
  const questions = [["Why ", { token: "·Paris" }, "?"], ["Why?"], ["Why?"]];
  const shown = await show(workbench, benchState(traceTree(undefined, 3, { questions })));
  expect(one(shown.root, ".tb-question").innerHTML).toContain(">·Paris</span>?");
  await followsStepsAlone(shown);
  expect(one(shown.root, ".tb-question").textContent).toBe("Why?");
});
