// The states that a view shows before an answer, and an answer that arrives in parts.

import { afterEach, expect, test, vi } from "vitest";
import { StaticModel } from "../../src/offline/model";
import type { MessageModel } from "../../src/requests/ask";
import { Answers } from "../../src/requests/ask";
import type { Asking } from "../../src/requests/states";
import { askAndShow } from "../../src/requests/states";
import { all, type Message, one, REQUEST, settled } from "../made";

afterEach(() => {
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

function made(change: Partial<Asking> = {}) {
  const sent: Message[] = [];
  const model = new StaticModel({}, (_, message) => sent.push(message as Message));
  const root = document.createElement("section");
  const body = document.createElement("div");
  root.append(body);
  document.body.append(root);
  const lives: AbortSignal[] = [];
  askAndShow({
    root,
    body,
    answers: new Answers(model as unknown as MessageModel),
    request: REQUEST,
    signal: new AbortController().signal,
    what: "the grid",
    show: (result, signal) => {
      lives.push(signal);
      body.append(Object.assign(document.createElement("b"), { textContent: String(result) }));
    },
    ...change,
  });
  const say = async (message: object) => {
    model.emit("msg:custom", { id: sent.filter(({ kind }) => kind === "ask").at(-1)?.id, ...message }, []);
    await settled();
  };
  const shown = () => all(body, "b").map(({ textContent }) => textContent);
  const press = async (name: string) => {
    all(body, "button")
      .find(({ textContent }) => textContent === name)
      ?.click();
    await settled();
  };
  return { root, body, sent, say, shown, press, lives };
}

test("a part is shown under the progress; the next takes its place, and the answer is shown alone", async () => {
  const { root, body, say, shown, lives } = made();
  await say({ kind: "part", result: "a few" });
  await say({ kind: "progress", done: 2, total: 8, note: "" });
  expect([root.dataset.state, shown(), one(body, ".tb-state p").textContent]).toEqual([
    "loading",
    ["a few"],
    "Computing the grid (2 of 8) …",
  ]);
  await say({ kind: "part", result: "more" });
  expect([shown(), all(body, "progress").length, lives.map(({ aborted }) => aborted)]).toEqual([["more"], 1, [true, false]]);
  await say({ kind: "answer", result: "all" });
  expect([root.dataset.state, shown(), all(body, ".tb-state").length]).toEqual(["ready", ["all"], 0]);
  expect(lives.map(({ aborted }) => aborted)).toEqual([true, true, false]);
});

test("if the shown result can show the next part, its elements stay", async () => {
  let stands: unknown = null;
  const shownResult = {
    isHere: () => stands !== null,
    replace: (result: unknown) => {
      stands = result;
      return true;
    },
  };
  const show = vi.fn((result: unknown) => {
    stands = result;
  });
  const { say } = made({ shownResult, show });
  for (const result of [1, 2]) await say({ kind: "part", result });
  await say({ kind: "answer", result: 3 });
  expect([show.mock.calls.length, stands]).toEqual([1, 3]);
});

test("after a cancel the part so far stays, and the reader can ask again", async () => {
  const { root, sent, say, shown, press, lives } = made();
  await say({ kind: "part", result: "a few" });
  await press("Cancel");
  expect([root.dataset.state, shown(), sent.at(-1)?.kind]).toEqual(["error", ["a few"], "cancel"]);
  await press("Ask again");
  expect([root.dataset.state, shown(), lives.map(({ aborted }) => aborted)]).toEqual(["loading", [], [true]]);
  await say({ kind: "answer", result: "all" });
  expect(shown()).toEqual(["all"]);
});

test("a part that is ready after the answer is not shown", async () => {
  const waiting: (() => void)[] = [];
  const prepare = (result: unknown) =>
    new Promise((resolve) => {
      waiting.push(() => resolve(result));
    });
  const { say, shown } = made({ prepare });
  await say({ kind: "part", result: "a few" });
  await say({ kind: "answer", result: "all" });
  waiting[1]?.();
  await settled();
  waiting[0]?.();
  await settled();
  expect(shown()).toEqual(["all"]);
});

test("a part that cannot be shown leaves the progress, and the answer is still shown", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const { body, say, shown } = made({
    show: (result) => {
      if (result === "bad") throw new Error("it is bad");
      body.append(Object.assign(document.createElement("b"), { textContent: String(result) }));
    },
  });
  await say({ kind: "part", result: "bad" });
  expect(all(body, "progress")).toHaveLength(1);
  await say({ kind: "answer", result: "all" });
  expect(shown()).toEqual(["all"]);
});
