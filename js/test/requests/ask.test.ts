import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StaticModel } from "../../src/offline/model";
import type { MessageModel } from "../../src/requests/ask";
import { Answers, isAbsent } from "../../src/requests/ask";
import { PING_MS, SILENCE_MS } from "../../src/requests/liveness";
import { pinned } from "../../src/requests/pinned";
import type { LabeledArray } from "../../src/wire";
import { type Message, packed, REQUEST } from "../made";

function made(state: Record<string, unknown> = {}, broken = false) {
  const sent: Message[] = [];
  const model = new StaticModel(state, (_, message) => {
    if (broken) throw new Error("Cannot send");
    sent.push(message as Message);
  });
  const say = (message: object, buffers: DataView[] = []) => model.emit("msg:custom", message, buffers);
  return { answers: new Answers(model as unknown as MessageModel), sent, say, id: (at = 0) => sent[at]?.id as string };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("an answer arrives decoded", async () => {
  const { answers, sent, say, id } = made();
  const asked = answers.ask(REQUEST);
  expect(sent).toEqual([{ kind: "ask", id: id(), request: REQUEST }]);
  const node = packed([1, 2], { step: 2 });
  say({ kind: "answer", id: id(), result: { probs: { ...node, $array: 0 } } }, [node.$array]);
  const { probs } = (await asked) as { probs: LabeledArray };
  expect(probs.at({ step: 1 })).toBe(2);
});

test("progress arrives before the answer", () => {
  const { answers, say, id } = made();
  const onProgress = vi.fn();
  answers.ask(REQUEST, { onProgress });
  say({ kind: "progress", id: id(), done: 1, total: 4, note: "layers" });
  expect(onProgress).toHaveBeenCalledWith(expect.objectContaining({ done: 1, total: 4, note: "layers" }));
});

test("an error is a sentence; an absent answer has the Python that computes it", async () => {
  const { answers, say, id } = made();
  const asked = answers.ask(REQUEST);
  say({ kind: "error", id: id(), error: "Not here.", absent: true, code: "tb.X()" });
  const error = await asked.catch((e: unknown) => e);
  expect(isAbsent(error)).toBe(true);
  expect(error).toMatchObject({ message: "Not here.", code: "tb.X()" });
  const again = answers.ask(REQUEST);
  say({ kind: "error", id: id(1), error: "It broke.", absent: false, code: null });
  expect(isAbsent(await again.catch((e: unknown) => e))).toBe(false);
});

test("equal running requests are sent once, whatever their code", async () => {
  const { answers, sent, say, id } = made();
  const both = [answers.ask(REQUEST), answers.ask({ ...REQUEST, code: "other" })];
  expect(sent).toHaveLength(1);
  say({ kind: "answer", id: id(), result: 5 });
  expect(await Promise.all(both)).toEqual([5, 5]);
  answers.ask(REQUEST);
  expect(sent).toHaveLength(2);
});

test("a slice is requested by its coordinates, shared with equal ones, and is no answer to the whole request", async () => {
  const { answers, sent, say, id } = made();
  const heard = vi.fn();
  answers.hear(REQUEST, heard, new AbortController().signal);
  const both = [
    { layer: 3, head: null },
    { head: null, layer: 3 },
  ].map((slice) => answers.ask(REQUEST, { slice }));
  answers.ask(REQUEST, { slice: { layer: 4, head: null } });
  expect(sent.map(({ slice }) => slice)).toEqual([
    { layer: 3, head: null },
    { layer: 4, head: null },
  ]);
  say({ kind: "answer", id: id(), result: 5 });
  expect(await Promise.all(both)).toEqual([5, 5]);
  expect(heard).not.toHaveBeenCalled();
});

test("slices of two answers to one request are two requests, each with the id of its answer", async () => {
  const { answers, sent, say, id } = made();
  const slice = { layer: 3, head: null };
  const both = ["1", "2"].map((answer) => pinned(answers, { answer }).ask(REQUEST, { slice }));
  pinned(answers, { answer: "2" }).ask(REQUEST, { slice });
  expect(sent.map(({ of }) => of)).toEqual(["1", "2"]);
  say({ kind: "answer", id: id(0), result: 5 });
  say({ kind: "answer", id: id(1), result: 6 });
  expect(await Promise.all(both)).toEqual([5, 6]);
});

test("a listener gets the answer without a request, and keeps no job alive", () => {
  const { answers, sent, say, id } = made();
  const heard = vi.fn();
  answers.hear(REQUEST, heard, new AbortController().signal);
  expect(sent).toEqual([]);
  const view = new AbortController();
  answers.ask(REQUEST, { signal: view.signal }).catch(() => {});
  view.abort();
  expect(sent.at(-1)).toEqual({ kind: "cancel", id: id() });
  answers.ask(REQUEST);
  say({ kind: "answer", id: id(2), result: 7 });
  expect(heard).toHaveBeenCalledExactlyOnceWith(7);
});

test("a listener gets an error, but nothing if the kernel is unreachable or the request is cancelled", async () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
  const [lasting, gone] = [made(), made({}, true)];
  const failed = vi.fn();
  for (const { answers } of [lasting, gone]) answers.hear(REQUEST, () => {}, new AbortController().signal, failed);
  await expect(gone.answers.ask(REQUEST)).rejects.toThrow("cannot be reached");
  const life = new AbortController();
  lasting.answers.ask(REQUEST, { signal: life.signal }).catch(() => {});
  life.abort();
  expect(failed).not.toHaveBeenCalled();
  const asked = lasting.answers.ask({ ...REQUEST, code: "again" });
  lasting.say({ kind: "error", id: lasting.sent.at(-1)?.id, error: "It broke." });
  await expect(asked).rejects.toThrow("It broke.");
  expect(failed).toHaveBeenCalledOnce();
  warned.mockRestore();
});

test("the last waiting caller cancels the request", async () => {
  const { answers, sent, id } = made();
  const [one, two] = [new AbortController(), new AbortController()];
  const asked = [answers.ask(REQUEST, { signal: one.signal }), answers.ask(REQUEST, { signal: two.signal })];
  one.abort();
  await expect(asked[0]).rejects.toThrow();
  expect(sent).toHaveLength(1);
  two.abort();
  await expect(asked[1]).rejects.toThrow();
  expect(sent[1]).toEqual({ kind: "cancel", id: id() });
});

test("an aborted signal sends no request and expects nothing", async () => {
  const { answers, sent } = made();
  await expect(answers.ask(REQUEST, { signal: AbortSignal.abort() })).rejects.toThrow();
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(10 * SILENCE_MS);
  expect(answers.liveness.silent).toBe(false);
});

test("after an abort no acknowledgement is expected", async () => {
  const { answers } = made();
  const life = new AbortController();
  const asked = answers.ask(REQUEST, { signal: life.signal });
  life.abort();
  await expect(asked).rejects.toThrow();
  vi.advanceTimersByTime(10 * SILENCE_MS);
  expect(answers.liveness.silent).toBe(false);
});

test("an answer after a cancel reaches no listener, and does not answer a later request", async () => {
  const { answers, say, id } = made();
  const heard = vi.fn();
  answers.hear(REQUEST, heard, new AbortController().signal);
  const life = new AbortController();
  const asked = answers.ask(REQUEST, { signal: life.signal });
  life.abort();
  await expect(asked).rejects.toThrow();
  const again = answers.ask(REQUEST);
  say({ kind: "answer", id: id(), result: 1 });
  expect(heard).not.toHaveBeenCalled();
  say({ kind: "answer", id: id(2), result: 2 });
  expect(await again).toBe(2);
});

test("an answer that cannot be decoded is an error with a sentence", async () => {
  const { answers, say, id } = made();
  const asked = answers.ask(REQUEST);
  say({ kind: "answer", id: id(), result: { probs: { ...packed([1], { step: 1 }), $array: 3 } } });
  await expect(asked).rejects.toThrow("The answer could not be read: buffer 3 is missing");
});

test("a listener that throws stops neither the other listeners nor the answer", async () => {
  const reported = vi.spyOn(console, "error").mockImplementation(() => {});
  const { answers, say, id } = made();
  const life = new AbortController().signal;
  const heard = vi.fn();
  const fails = () => {
    throw new Error("it broke");
  };
  answers.hear(REQUEST, fails, life);
  answers.hear(REQUEST, heard, life);
  const asked = answers.ask(REQUEST, { onProgress: fails });
  say({ kind: "progress", id: id(), done: 0, total: 0, note: "" });
  say({ kind: "answer", id: id(), result: 7 });
  expect(await asked).toBe(7);
  expect(heard).toHaveBeenCalledExactlyOnceWith(7);
  expect(reported).toHaveBeenCalledTimes(2);
  reported.mockRestore();
});

test("silence after a request is reported, and ends with any message", () => {
  const { answers, say, id } = made();
  const silent = vi.fn();
  answers.liveness.on(silent, new AbortController().signal);
  answers.ask(REQUEST);
  vi.advanceTimersByTime(SILENCE_MS - 1);
  expect(silent).toHaveBeenLastCalledWith(false);
  vi.advanceTimersByTime(1);
  expect(silent).toHaveBeenLastCalledWith(true);
  say({ kind: "progress", id: id(), done: 0, total: 0, note: "" });
  expect(silent).toHaveBeenLastCalledWith(false);
});

test("an acknowledged request may take any time", () => {
  const { answers, say, id } = made();
  answers.ask(REQUEST);
  say({ kind: "progress", id: id(), done: 0, total: 0, note: "waiting" });
  vi.advanceTimersByTime(60_000);
  expect(answers.liveness.silent).toBe(false);
});

test("pings are sent while there are listeners; a missing pong is silence, a later one ends it", () => {
  const { answers, sent, say } = made();
  const life = new AbortController();
  const silent = vi.fn();
  answers.liveness.on(silent, life.signal);
  vi.advanceTimersByTime(PING_MS);
  expect(sent.map(({ kind }) => kind)).toEqual(["ping"]);
  vi.advanceTimersByTime(SILENCE_MS);
  expect(silent).toHaveBeenLastCalledWith(true);
  say({ kind: "pong", id: sent[0]?.id });
  expect(silent).toHaveBeenLastCalledWith(false);
  life.abort();
  vi.advanceTimersByTime(10 * PING_MS);
  expect(sent).toHaveLength(1);
});

test("a lost request is sent again when the kernel answers a later message", async () => {
  const { answers, sent, say } = made();
  answers.liveness.on(() => {}, new AbortController().signal);
  const lost = answers.ask(REQUEST);
  answers.ask({ ...REQUEST, traces: ["waiting"] });
  say({ kind: "progress", id: sent[1]?.id, done: 0, total: 0, note: "waiting" });
  vi.advanceTimersByTime(PING_MS);
  const later = answers.ask({ ...REQUEST, traces: ["later"] });
  later.catch(() => {});
  const ping = sent.find(({ kind }) => kind === "ping")?.id;
  const before = sent.length;
  say({ kind: "pong", id: ping });
  // Neither the acknowledged message nor the one after the ping, which may still arrive.
  expect(sent.slice(before)).toEqual([sent[0]]);
  say({ kind: "pong", id: ping });
  expect(sent).toHaveLength(before + 1);
  say({ kind: "answer", id: sent[0]?.id, result: 5 });
  expect(await lost).toBe(5);
});

test("a saved page is never silent and never pings", () => {
  const { answers, sent } = made({ _offline: true });
  answers.liveness.on(() => {}, new AbortController().signal);
  answers.ask(REQUEST);
  vi.advanceTimersByTime(10 * PING_MS);
  expect(sent.map(({ kind }) => kind)).toEqual(["ask"]);
  expect(answers.liveness.silent).toBe(false);
});

test("a request that cannot be sent fails at once with a sentence, and can be repeated", async () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
  const { answers } = made({}, true);
  await expect(answers.ask(REQUEST)).rejects.toThrow("The kernel cannot be reached");
  await expect(answers.ask(REQUEST)).rejects.toThrow("The kernel cannot be reached");
  await expect(answers.act("save")).rejects.toThrow("The kernel cannot be reached");
  expect(answers.liveness.silent).toBe(true);
  warned.mockRestore();
});

test("saving resolves with the path of the file", async () => {
  const { answers, say, id, sent } = made();
  const saving = answers.act("save");
  expect(sent[0]).toMatchObject({ kind: "act", action: "save", params: {} });
  say({ kind: "answer", id: id(), result: { path: "a.html", size: 1, note: "" } });
  expect(await saving).toMatchObject({ path: "a.html" });
});

test("every action is one message, reports progress, and its caller can cancel it", async () => {
  const { answers, say, id, sent } = made();
  const life = new AbortController();
  const onProgress = vi.fn();
  const both = [answers.act("save", {}, { signal: life.signal, onProgress }), answers.act("save", { path: "b.html" })];
  expect(sent.map(({ action, params }) => [action, params])).toEqual([
    ["save", {}],
    ["save", { path: "b.html" }],
  ]);
  say({ kind: "progress", id: id(), done: 1, total: 3, note: "LogitLens" });
  expect(onProgress).toHaveBeenCalledWith(expect.objectContaining({ done: 1, total: 3, note: "LogitLens" }));
  life.abort();
  await expect(both[0]).rejects.toThrow();
  expect(sent.at(-1)).toEqual({ kind: "cancel", id: id() });
  say({ kind: "error", id: id(1), error: "The folder is read-only." });
  await expect(both[1]).rejects.toThrow("The folder is read-only.");
  await expect(answers.act("save", {}, { signal: life.signal })).rejects.toThrow();
  expect(sent).toHaveLength(3);
});

test("an action that is lost is not done twice", async () => {
  const { answers, sent, say } = made();
  answers.liveness.on(() => {}, new AbortController().signal);
  answers.act("save").catch(() => {});
  vi.advanceTimersByTime(PING_MS);
  say({ kind: "pong", id: sent.find(({ kind }) => kind === "ping")?.id });
  expect(sent.filter(({ kind }) => kind === "act")).toHaveLength(1);
});

test("parts of an answer arrive decoded before it, also for a later equal request", async () => {
  const { answers, say, id } = made();
  const [first, second] = [vi.fn(), vi.fn()];
  const asked = answers.ask(REQUEST, { onPart: first });
  const node = packed([1, 2], { step: 2 });
  say({ kind: "part", id: id(), result: { probs: { ...node, $array: 0 } } }, [node.$array]);
  const [{ probs }] = first.mock.calls[0] as [{ probs: LabeledArray }];
  expect(probs.at({ step: 1 })).toBe(2);
  answers.ask(REQUEST, { onPart: second });
  expect(second).toHaveBeenCalledOnce();
  const reported = vi.spyOn(console, "error").mockImplementation(() => {});
  say({ kind: "part", id: id(), result: { probs: { ...node, $array: 3 } } });
  expect([reported.mock.calls.length, first.mock.calls.length]).toEqual([1, 1]);
  say({ kind: "answer", id: id(), result: 7 });
  expect(await asked).toBe(7);
  reported.mockRestore();
});

test("pages on one kernel use different ids", () => {
  const [one, two] = [made(), made()];
  one.answers.ask(REQUEST);
  two.answers.ask(REQUEST);
  expect(one.id()).not.toBe(two.id());
});
