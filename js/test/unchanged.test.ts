// A key that changes nothing in a view writes nothing there: what is written is styled, laid out and painted anew.

import { expect, test } from "vitest";
import { whenOther } from "../src/unchanged";
import generation from "../src/views/generation";
import lensTable from "../src/views/lens_table";
import workbench from "../src/workbench";
import { benchTree } from "./bench/made";
import { lensTree, type Message, one, REQUEST, type Shown, settled, show, traceTree } from "./made";

test("it draws once for the same, and again for another", () => {
  const drawn: unknown[] = [];
  const draw = whenOther((a: number | null, b: string) => drawn.push([a, b]));
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

/** What is written into a view when these fields are selected. */
async function written({ root, selection }: Shown, fields: object): Promise<MutationRecord[]> {
  const seen = new MutationObserver(() => {});
  seen.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
  selection.set("_state", { seq: 100, fields: { step: 0, query: 2, layer: null, token: null, ...fields } });
  await settled();
  return seen.takeRecords();
}

const STATE = { _data: traceTree(), _request: REQUEST };
const reply = ({ kind }: Message) => (kind === "ask" ? { kind: "answer", result: lensTree() } : undefined);

test("another head changes nothing in the text, the decision and the chart of the steps", async () => {
  const shown = await show(generation, STATE);
  expect(await written(shown, { head: 1 })).toEqual([]);
  expect(one(shown.root, ".tb-decision h3").textContent).toBe("The decision at step 0");
});

test("another head changes nothing in the lens", async () => {
  const shown = await show(lensTable, STATE, { reply });
  expect(await written(shown, { head: 1 })).toEqual([]);
});

test("another head changes nothing in the head of the bench", async () => {
  const shown = await show(workbench, { _data: benchTree(), views: [], _stems: [] });
  expect(await written(shown, { head: 1 })).toEqual([]);
});
