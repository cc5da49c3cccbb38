import { expect, test, vi } from "vitest";
import { followupTo } from "../../src/requests/followup";
import type { Request } from "../../src/requests/request";
import tokenScores from "../../src/token_scores/view";
import { all, CHECK, lensTree, type Message, one, REQUEST, SCORES_REQUEST, scoresTree, settled, traceTree } from "../made";
import { type ChildModel, showBench } from "./made";

const METHODS = [
  { label: "slow", method: "IntegratedGradients(n_steps=64)", analysis: "IntegratedGradients", params: { n_steps: 64 } },
  { label: "quick", method: "InputXGradient()", analysis: "InputXGradient", params: {} },
];
const RATHER: Request = {
  ...SCORES_REQUEST,
  analysis: "InputXGradient",
  params: {},
  target: { step: 0, token: null, against: 8, of: "logit" },
  code: "tb.InputXGradient()(lm, trace, tb.Target(step=0, against=8))\n",
};
const TRACE = traceTree(undefined, 3, {
  questions: [["Why Paris?"], ["Why a break?"], ["Why the end?"]],
  said: [["It said Paris."], ["It said a break."], ["It ended."]],
});
const text = (el: Element) => el.textContent ?? "";

/** Answers every request for scores, with the request in words. */
function reply({ kind, request }: Message): object | undefined {
  if (kind !== "ask" || !request) return undefined;
  if (request.analysis === REQUEST.analysis) return { kind: "answer", result: lensTree() };
  const { step, against } = request.target as { step: number; against: number | null };
  const change = {
    target: request.target,
    says: against === null ? "adds" : "compares",
    sentences: {
      steps: [step],
      parts: [["It leads by 3.2; ", { token: "·city" }, ` (+2.00) by ${request.analysis}.`]],
      questions: [`Why rather than ${against} at step ${step}?`],
    },
    checks: [{ ...CHECK, name: "completeness", state: "amber" }],
  };
  return { kind: "answer", result: scoresTree([step], 6, 3, change) };
}

async function bench(
  asked: unknown = null,
  {
    first = SCORES_REQUEST,
    arrangement = null,
    offline = false,
    reply: kernel = reply,
  }: { first?: Request; arrangement?: unknown; offline?: boolean; reply?: typeof reply } = {},
) {
  let child: ChildModel | undefined;
  const scores = {
    stem: "token_scores",
    definition: tokenScores,
    state: { _data: { methods: METHODS }, _requests: [first], _asked: asked },
    onModel: (model: ChildModel) => {
      child = model;
    },
  };
  const made = await showBench([scores], { traces: [TRACE], arrangement, offline, reply: kernel });
  const head = () => [text(one(made.root, "h1")), text(one(made.root, ".tb-summary"))];
  const ask = async (why: string, rather: string) => {
    const form = one(made.root, ".tb-scores-ask");
    const fields = all(form, "input") as HTMLInputElement[];
    [why, rather].forEach((written, i) => {
      (fields[i] as HTMLInputElement).value = written;
    });
    form.dispatchEvent(new Event("submit", { cancelable: true }));
    await settled();
  };
  const kept = () => (child?.get("_asked") as { t: Request } | null)?.t ?? null;
  return { ...made, head, ask, kept, keep: (value: unknown) => child?.set("_asked", value) };
}

const againstOf = ({ target }: Request) => (target as { against: unknown }).against;

test("a contrastive question becomes the question and the summary of the head, with its checks", async () => {
  const { root, head, ask, kept } = await bench();
  expect(head()).toEqual(["Why Paris?", "It said Paris."]);
  await ask("", "·Rome");
  expect(head()).toEqual(["Why rather than 8 at step 0?", "It leads by 3.2; ·city (+2.00) by IntegratedGradients."]);
  expect(text(one(root, ".tb-summary .tb-token-word"))).toBe("·city");
  expect(text(one(root, ".tb-bench-head .tb-check-word"))).toBe("! 1 of 2 checks hold");
  expect(kept()?.target).toMatchObject({ against: 8 });
  await ask("", "");
  expect(head()).toEqual(["Why Paris?", "It said Paris."]);
  // The answer to the first question has the same checks.
  expect(text(one(root, ".tb-bench-head .tb-check-word"))).toBe("! 1 of 2 checks hold");
  expect(kept()).toBeNull();
});

test("a follow-up question is kept: the view opens with it, and it follows the step", async () => {
  const { root, head, selection, sent } = await bench({ t: RATHER }, { offline: true });
  expect(head()).toEqual(["Why rather than 8 at step 0?", "It leads by 3.2; ·city (+2.00) by InputXGradient."]);
  const [, rather] = all(root, ".tb-scores-ask input") as HTMLInputElement[];
  const method = one(root, ".tb-scores-ask select") as HTMLSelectElement;
  expect([rather?.value, method.selectedOptions[0]?.textContent]).toEqual(["·Rome", "quick"]);
  // The first question was never asked.
  expect(sent.map(({ request }) => request?.analysis)).toEqual(["InputXGradient"]);
  selection.set("_state", { seq: 5, fields: { step: 2, query: 4 } });
  await settled();
  expect(head()[0]).toBe("Why rather than 8 at step 2?");
});

test("another display, or Python, asks: the fields and the head follow", async () => {
  const { root, head, keep } = await bench();
  keep({ t: RATHER });
  await settled();
  expect((all(root, ".tb-scores-ask input")[1] as HTMLInputElement).value).toBe("·Rome");
  expect(head()[1]).toContain("by InputXGradient");
  keep(null);
  await settled();
  expect((all(root, ".tb-scores-ask input")[1] as HTMLInputElement).value).toBe("");
  expect(head()).toEqual(["Why Paris?", "It said Paris."]);
});

test("a question that is asked again after it failed is asked", async () => {
  const { ask, sent } = await bench();
  await ask("", "·Rome");
  await ask("", "·Rome");
  expect(sent.filter(({ kind, request }) => kind === "ask" && againstOf(request as Request) === 8)).toHaveLength(2);
});

test("a view with a contrast leads the head until another question is asked", async () => {
  const { head, ask } = await bench(null, { first: RATHER });
  expect(head()).toEqual(["Why rather than 8 at step 0?", "It leads by 3.2; ·city (+2.00) by InputXGradient."]);
  await ask("", "·city");
  expect(head()[0]).toMatch(/^Why rather than (?!8)/);
});

test("an error removes the answer that it replaces", async () => {
  let broken = false;
  const { root, head, selection } = await bench(
    { t: RATHER },
    {
      reply: (message) => (broken && message.kind === "ask" ? { kind: "error", error: "No memory." } : reply(message)),
    },
  );
  const says = (question: string, checks: string) =>
    vi.waitFor(() => expect([head()[0], text(one(root, ".tb-bench-head .tb-check-word"))]).toEqual([question, checks]));
  const to = (step: number, seq: number) => selection.set("_state", { seq, fields: { step, query: 2 + step } });
  await says("Why rather than 8 at step 0?", "! 1 of 2 checks hold");
  broken = true;
  to(1, 5);
  await says("Why a break?", "✓ 1 of 1 check holds");
  to(0, 6);
  await says("Why Paris?", "✓ 1 of 1 check holds");
  broken = false;
  to(1, 7);
  await says("Why rather than 8 at step 1?", "! 1 of 2 checks hold");
  to(0, 8);
  await says("Why rather than 8 at step 0?", "! 1 of 2 checks hold");
});

test("an error in one of two views with the same request leaves the answer of the other", async () => {
  let broken = false;
  const state = { _data: { methods: METHODS }, _requests: [SCORES_REQUEST], _asked: null };
  const view = { stem: "token_scores", definition: tokenScores, state };
  const { root } = await showBench([view, view], {
    traces: [TRACE],
    reply: (message) => (broken && message.kind === "ask" ? { kind: "error", error: "No memory." } : reply(message)),
  });
  const checks = () => text(one(root, ".tb-bench-head .tb-check-word"));
  expect(checks()).toBe("! 1 of 2 checks hold");
  one(root, '.tb-place:nth-child(2) [data-tool="hide"]').click();
  broken = true;
  one(root, ".tb-away [data-name]").click();
  await vi.waitFor(() => expect(all(root, '[data-view][data-state="error"]').length).toBe(1));
  // One view shows the error, the other the check that does not hold.
  expect(checks()).toBe("! 1 of 2 checks hold");
});

test("a hidden view's question does not lead the head", async () => {
  const { root, head } = await bench({ t: RATHER });
  one(root, '[data-tool="hide"]').click();
  expect(head()).toEqual(["Why Paris?", "It said Paris."]);
  one(root, '.tb-away [data-name="token_scores"]').click();
  await settled();
  expect(head()[0]).toBe("Why rather than 8 at step 0?");
});

test("a saved question that does not fit is ignored, and the view says so", async () => {
  const wrongs = [{ analysis: "Radar" }, { ...RATHER, traces: ["another"] }, 7, { ...RATHER, target: { step: "first" } }];
  for (const wrong of [...wrongs.map((t) => ({ t })), 7, [RATHER]]) {
    const { root, head, sent } = await bench(wrong);
    expect(head()).toEqual(["Why Paris?", "It said Paris."]);
    expect(sent.map(({ request }) => request?.analysis)).toEqual(["IntegratedGradients"]);
    expect(text(root)).toContain("The saved question does not fit this text, so the first question is asked.");
  }
  expect(text((await bench()).root)).not.toContain("A question was kept");
  const same = { t: { ...SCORES_REQUEST, code: "another way to say it" } };
  expect(followupTo(SCORES_REQUEST, { get: () => same, set: () => {} }).get()).toBeNull();
});
