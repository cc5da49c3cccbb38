import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Whose } from "../../src/attention/result";
import type { HeadSlice } from "../../src/attention/slice";
import { sliceOf } from "../../src/attention/slice";
import type { AskOptions } from "../../src/requests/ask";
import { Liveness, PING_MS } from "../../src/requests/liveness";
import { source } from "../../src/slices/source";
import { wanted } from "../../src/slices/wanted";
import { PATIENCE_MS, SETTLE_MS } from "../../src/ui/settle";
import { decode } from "../../src/wire";
import { packed, REQUEST, settled } from "../made";

interface Asked {
  whose: Whose;
  signal: AbortSignal | undefined;
  answer: () => Promise<void>;
  fail: (why: string) => Promise<void>;
}

/** A source for a text of two tokens. The test decides when it answers. */
function made(most?: number, offline = true) {
  const asked: Asked[] = [];
  const pinged = vi.fn();
  const liveness = new Liveness(offline ? null : pinged);
  const ask = (_request: unknown, { slice, signal }: AskOptions = {}) =>
    new Promise<unknown>((resolve, reject) => {
      const whose = slice as unknown as Whose;
      const tree = { form: "full", ...whose, sink: null, weights: packed([1, 0.5, 0.5], { cell: 3 }) };
      const answer = async () => {
        resolve(decode(tree));
        await settled();
      };
      const fail = async (why: string) => {
        reject(new Error(why));
        await settled();
      };
      asked.push({ whose, signal, answer, fail });
    });
  const slices = source<Whose, HeadSlice>(
    {
      request: REQUEST,
      answers: { ask, offline, liveness },
      coords: ({ layer, head }) => ({ layer, head }),
      open: (tree) => sliceOf(tree, 2),
      size: ({ weights }) => weights.length,
    },
    most,
  );
  return { asked, slices, liveness, pinged };
}

const at = (layer: number | null, head: number | null = 0): Whose => ({ layer, head });

/** The same with a shown first slice, and a log of the calls. */
async function showing({ nothing = false, offline = true } = {}) {
  const { asked, slices, liveness, pinged } = made(undefined, offline);
  const got = slices.get(at(0));
  await asked[0]?.answer();
  const told: string[] = [];
  const life = new AbortController();
  const spec = {
    source: slices,
    first: nothing ? null : await got,
    onSlice: ({ layer }: HeadSlice) => told.push(`shows ${layer}`),
    onBusy: (whose: Whose | null, isSilent: boolean) => whose && told.push(`${isSilent ? "silent" : "busy"} ${whose.layer}`),
    onError: (error: unknown) => error !== null && told.push((error as Error).message),
  };
  return { asked, slices, liveness, pinged, told, life, chosen: wanted(spec, life.signal) };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a slice is requested once and then cached", async () => {
  const { asked, slices } = made();
  expect(slices.held(at(3))).toBeUndefined();
  const first = slices.get(at(3, null));
  expect(asked[0]?.whose).toEqual({ layer: 3, head: null });
  await asked[0]?.answer();
  expect(await slices.get(at(3, null))).toBe(await first);
  expect(slices.held(at(3, null))).toBe(await first);
  expect(slices.held(at(3))).toBeUndefined();
  expect(asked).toHaveLength(1);
});

test("the least recently used slice is dropped", async () => {
  // Two slices of three weights.
  const { asked, slices } = made(6);
  const load = async (layer: number) => {
    const got = slices.get(at(layer));
    await asked.at(-1)?.answer();
    return got;
  };
  await load(0);
  await load(1);
  slices.held(at(0));
  await load(2);
  expect([0, 1, 2].map((layer) => slices.held(at(layer)) !== undefined)).toEqual([true, false, true]);
  // The shown slice is kept, whatever its size.
  const { asked: large, slices: few } = made(1);
  const got = few.get(at(0));
  await large[0]?.answer();
  expect(few.held(at(0))).toBe(await got);
});

test("an error is not cached", async () => {
  const { asked, slices } = made();
  const first = slices.get(at(0));
  const heard = expect(first).rejects.toThrow("It broke.");
  await asked[0]?.fail("It broke.");
  await heard;
  slices.get(at(0));
  expect(asked).toHaveLength(2);
});

test("the slice that was wanted last is shown, and the other requests are cancelled", async () => {
  const { asked, told, chosen } = await showing();
  expect(chosen.want(at(1))).toBe(false);
  expect(chosen.want(at(1))).toBe(false);
  expect(asked).toHaveLength(2);
  chosen.want(at(2));
  expect(asked[1]?.signal?.aborted).toBe(true);
  await asked[2]?.answer();
  await asked[1]?.answer();
  expect(told).toEqual(["shows 2"]);
});

test("going back to the shown slice cancels the running request", async () => {
  const { asked, told, chosen } = await showing();
  chosen.want(at(1));
  expect(chosen.want(at(0))).toBe(false);
  expect(asked[1]?.signal?.aborted).toBe(true);
  await asked[1]?.answer();
  vi.advanceTimersByTime(10 * PATIENCE_MS);
  expect(told).toEqual([]);
});

test("a cached slice is shown at once", async () => {
  const { asked, told, chosen } = await showing();
  chosen.want(at(1));
  await asked[1]?.answer();
  expect(chosen.want(at(0))).toBe(true);
  expect(told).toEqual(["shows 1", "shows 0"]);
  expect(asked).toHaveLength(2);
});

test("after a while the view says that it is loading, and the old slice stays", async () => {
  const { asked, told, chosen } = await showing();
  chosen.want(at(1));
  vi.advanceTimersByTime(PATIENCE_MS - 1);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual(["busy 1"]);
  await asked[1]?.answer();
  expect(told).toEqual(["busy 1", "shows 1"]);
});

test("an error is shown once; retry, or going back to the slice, requests it again", async () => {
  const { asked, told, chosen } = await showing();
  chosen.retry();
  expect(asked).toHaveLength(1);
  chosen.want(at(1));
  await asked[1]?.fail("It broke.");
  expect(told).toEqual(["It broke."]);
  // Another field changed: the same slice is wanted, and no request is sent.
  for (let i = 0; i < 5; i++) expect(chosen.want(at(1))).toBe(false);
  expect([asked.length, told]).toEqual([2, ["It broke."]]);
  chosen.retry();
  chosen.retry();
  expect(asked).toHaveLength(3);
  await asked[2]?.fail("It broke again.");
  expect(told).toEqual(["It broke.", "It broke again."]);
  chosen.want(at(0));
  chosen.want(at(1));
  await asked[3]?.answer();
  expect(told.slice(2)).toEqual(["shows 1"]);
  chosen.retry();
  expect(asked).toHaveLength(4);
});

test("without a first slice, the first one is requested like any other", async () => {
  const { asked, slices, told, chosen } = await showing({ nothing: true });
  expect(slices.nameOf(at(1, null))).toBe('{"head":null,"layer":1}');
  expect(chosen.want(at(1))).toBe(false);
  await asked[1]?.answer();
  expect(told).toEqual(["shows 1"]);
});

test("the first request is sent at once, the next one when a held key is released", async () => {
  const { asked, told, chosen } = await showing({ offline: false });
  const wanted = () => asked.slice(1).map(({ whose, signal }) => `${whose.layer}${signal?.aborted ? " cancelled" : ""}`);
  for (let layer = 1; layer <= 30; layer++) {
    chosen.want(at(layer));
    if (layer === 1) expect(wanted()).toEqual(["1"]);
    vi.advanceTimersByTime(33);
  }
  vi.advanceTimersByTime(SETTLE_MS);
  expect(wanted()).toEqual(["1 cancelled", "30"]);
  await asked[2]?.answer();
  expect(told).toEqual(["shows 30"]);
  // After a pause the first request does not wait.
  vi.advanceTimersByTime(SETTLE_MS);
  chosen.want(at(31));
  expect(wanted().slice(2)).toEqual(["31"]);
  // Nor after a slow answer.
  vi.advanceTimersByTime(SETTLE_MS);
  chosen.want(at(32));
  expect(wanted().slice(2)).toEqual(["31 cancelled", "32"]);
});

test("a kernel that answers before the next move gets a request for each slice", async () => {
  const { asked, told, chosen } = await showing({ offline: false });
  for (let layer = 1; layer <= 3; layer++) {
    chosen.want(at(layer));
    await asked[layer]?.answer();
    vi.advanceTimersByTime(33);
  }
  expect(told).toEqual(["shows 1", "shows 2", "shows 3"]);
});

test("a cached slice is shown at once while another one waits, and that one is not requested", async () => {
  const { asked, told, chosen } = await showing({ offline: false });
  chosen.want(at(1));
  chosen.want(at(2));
  expect(chosen.want(at(2))).toBe(false);
  chosen.want(at(0));
  vi.advanceTimersByTime(10 * SETTLE_MS);
  expect([asked.length, told]).toEqual([2, []]);
});

test("retry requests a failed slice at once, and nothing after the view ended", async () => {
  const { asked, chosen, life } = await showing({ offline: false });
  chosen.want(at(1));
  await asked[1]?.fail("It broke.");
  chosen.retry();
  expect(asked).toHaveLength(3);
  chosen.want(at(2));
  life.abort();
  vi.advanceTimersByTime(10 * SETTLE_MS);
  expect(asked).toHaveLength(3);
});

test("in a saved page each slice is requested", async () => {
  const { asked, chosen } = await showing();
  for (let layer = 1; layer <= 5; layer++) chosen.want(at(layer));
  expect(asked).toHaveLength(6);
});

test("while a slice is loading the kernel is pinged and its silence is shown; afterwards neither", async () => {
  const { asked, told, liveness, pinged, chosen } = await showing({ offline: false });
  vi.advanceTimersByTime(PING_MS);
  expect(pinged).not.toHaveBeenCalled();
  chosen.want(at(1));
  vi.advanceTimersByTime(PATIENCE_MS);
  liveness.lost();
  vi.advanceTimersByTime(PING_MS);
  expect(pinged).toHaveBeenCalledOnce();
  liveness.heard("pong");
  await asked[1]?.answer();
  vi.advanceTimersByTime(10 * PING_MS);
  expect(told).toEqual(["busy 1", "silent 1", "busy 1", "shows 1"]);
  expect(pinged).toHaveBeenCalledOnce();
});

test("when the view ends everything ends", async () => {
  const { asked, told, chosen, life } = await showing();
  chosen.want(at(1));
  life.abort();
  expect(asked[1]?.signal?.aborted).toBe(true);
  await asked[1]?.answer();
  vi.advanceTimersByTime(10 * PATIENCE_MS);
  expect(chosen.want(at(2))).toBe(false);
  expect(asked).toHaveLength(2);
  expect(told).toEqual([]);
});
