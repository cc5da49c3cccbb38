import { expect, test } from "vitest";
import type { Context } from "../../src/afm";
import { widget } from "../../src/afm";
import { checksWord } from "../../src/checks";
import type { Request } from "../../src/requests/request";
import { all, CHECK, lensTree, type Message, one, REQUEST, settled } from "../made";
import { benchTree, showBench } from "./made";

const AMBER = { ...CHECK, name: "rows add up", state: "amber" };
const BROKEN = { ...CHECK, name: "shares sum to one", state: "broken", kind: "identity" };
const PATTERNS: Request = { analysis: "AttentionPatterns", params: {}, traces: ["t"], target: null, code: "" };
const ROLLOUT: Request = { ...PATTERNS, analysis: "AttentionRollout" };
const ANSWERS: Record<string, object> = {
  [REQUEST.analysis]: lensTree(),
  AttentionPatterns: { kind: "attention", checks: [CHECK, AMBER] },
  AttentionRollout: { kind: "rollout", checks: [BROKEN] },
};
/** The view of the record asks nothing. */
const RECORD = { stem: "generation", definition: widget("generation", () => {}), state: { _requests: [null] } };
const text = (el: Element) => el.textContent ?? "";

/** A bench of two views that show the checks of their answers; a click on the second sends its alternative. */
async function bench(
  arrangement: unknown = null,
  beside: Request[][] = [[], [ROLLOUT]],
  second = "attention",
  asked: Request = PATTERNS,
) {
  const view = (i: number, stem: string, request: Request, more: Request | null) => ({
    stem,
    state: { _requests: [request], _alternatives: [(beside[i] ?? []).map((each) => ({ label: "more", request: each }))] },
    definition: widget(stem, ({ el, ask, signal }: Context) => {
      const put = (each: Request) =>
        ask(each, { signal }).then(
          (answer) => el.replaceChildren(checksWord((answer as { checks: [] }).checks, signal)),
          () => {},
        );
      void put(request);
      if (more) el.addEventListener("click", () => void put(more));
    }),
  });
  const made = await showBench([RECORD, view(0, "lens_table", REQUEST, null), view(1, second, asked, ROLLOUT)], {
    data: benchTree({ continues: [1] }),
    arrangement,
    reply: ({ kind, request }: Message) =>
      kind === "ask" ? { kind: "answer", result: ANSWERS[(request as Request).analysis] } : undefined,
  });
  const head = one(made.root, ".tb-bench-head");
  const word = () => text(one(head, ".tb-check-word"));
  const leads = () => all(head, ".tb-all-checks > .tb-check-lead");
  return { ...made, head, word, leads };
}

test("the head counts the checks of every answer in sight and names the view where one does not hold", async () => {
  const { head, word, leads, sent } = await bench();
  expect(word()).toBe("! 3 of 4 checks hold");
  expect(leads().map((each) => [text(each), each.dataset.check, each.getAttribute("aria-label")])).toEqual([
    ["! attention", "amber", "rows add up: go to attention"],
  ]);
  // A check that does not hold comes first.
  expect(all(head, "[role=group] > *").map((each) => text(each).split(":")[0])).toEqual([
    "attention",
    "! rows add up over its limit",
    "generation",
    "✓ replay holds",
    "lens table",
    "✓ last row = the model holds",
    "attention",
    "✓ replay holds",
  ]);
  // It sends no request.
  expect(sent.map(({ request }) => request?.analysis)).toEqual([REQUEST.analysis, "AttentionPatterns"]);
});

test("an alternative counts when it is requested", async () => {
  const { root, word, leads } = await bench();
  one(root, '[data-view="attention"]').click();
  await settled();
  expect(word()).toBe("✗ 3 of 5 checks hold");
  expect(leads().map((each) => [text(each), each.dataset.check])).toEqual([["✗ attention", "broken"]]);
});

test("the name of a view goes to its checks, also if another view is enlarged", async () => {
  const { root, leads, model } = await bench({ order: [], hidden: [], enlarged: "lens_table" });
  leads()[0]?.click();
  expect(model.get("arrangement")).toMatchObject({ enlarged: null });
  expect(document.activeElement).toBe(one(root, '[data-view="attention"] [data-check]'));
});

test("the answer of a hidden view does not count, except the lens of the summary", async () => {
  const { root, word, head } = await bench();
  for (const name of ["attention", "lens_table"]) one(root, `[data-name="${name}"] [data-tool="hide"]`).click();
  expect(word()).toBe("✓ 2 of 2 checks hold");
  const groups = all(head, "[role=group] > .tb-check-lead");
  expect(groups.map(text)).toEqual(["generation", "lens table"]);
  groups[1]?.click();
  expect(all(root, '.tb-place[data-name="lens_table"]:not([hidden])')).toHaveLength(1);
  // No list covers the view.
  expect(one(head, ".tb-popup-panel").hidden).toBe(true);
});

test("of two lenses the hidden one counts if the summary uses it, as in Python", async () => {
  const { root, word, head } = await bench(null, [[], []], "lens_table", { ...REQUEST, params: { top: 3 } });
  expect(word()).toBe("✓ 3 of 3 checks hold");
  one(root, '[data-name="lens_table"] [data-tool="hide"]').click();
  expect(word()).toBe("✓ 3 of 3 checks hold");
  expect(all(head, "[role=group] > .tb-check-lead").map(text)).toEqual(["generation", "lens table 2", "lens table"]);
});

test("an answer that two views show counts once, where it stands first", async () => {
  const { word, head, root, leads } = await bench(null, [[ROLLOUT], [ROLLOUT]]);
  one(root, '[data-view="attention"]').click();
  await settled();
  expect(word()).toBe("✗ 3 of 5 checks hold");
  expect(leads()).toHaveLength(2);
  const groups = all(head, "[role=group] > .tb-check-lead").map(text);
  expect(groups).toEqual(["lens table", "attention", "generation", "lens table", "attention"]);
  expect(all(head, "[role=group] li")).toHaveLength(5);
});

test("the lens of the summary counts once, also if another visible view has it", async () => {
  const { root, word, head } = await bench(null, [[], [REQUEST]]);
  expect(word()).toBe("! 3 of 4 checks hold");
  one(root, '[data-name="lens_table"] [data-tool="hide"]').click();
  expect(word()).toBe("! 3 of 4 checks hold");
  expect(all(head, "[role=group] > .tb-check-lead").map(text)).toEqual(["attention", "generation", "attention"]);
});

test("the focus on the summary or in its list stays when another answer arrives", async () => {
  const { root, head } = await bench();
  one(head, ".tb-check-word").focus();
  one(head, ".tb-check-word").click();
  one(root, '[data-view="attention"]').click();
  await settled();
  expect(document.activeElement).toBe(one(head, ".tb-check-word"));
  expect(one(head, ".tb-popup-panel").hidden).toBe(false);
  one(head, '.tb-popup-panel [data-leads="attention"]').focus();
  one(root, '[data-name="lens_table"] [data-tool="later"]').click();
  expect(head.contains(document.activeElement)).toBe(true);
});
