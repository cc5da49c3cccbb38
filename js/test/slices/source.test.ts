import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AskOptions } from "../../src/ask";
import type { HeadSlice, Whose } from "../../src/attention";
import { sliceOf } from "../../src/attention";
import { source } from "../../src/slices/source";
import { PATIENCE_MS, wanted } from "../../src/slices/wanted";
import { decode } from "../../src/wire";
import { packed, REQUEST, settled } from "../made";

interface Asked {
  whose: Whose;
  signal: AbortSignal | undefined;
  answer: () => Promise<void>;
  fail: (why: string) => Promise<void>;
}

/** A source over a text of two tokens, whose kernel answers when the test says so. */
function made(most?: number) {
  const asked: Asked[] = [];
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
      answers: { ask },
      coords: ({ layer, head }) => ({ layer, head }),
      open: (tree) => sliceOf(tree, 2),
      size: ({ weights }) => weights.length,
    },
    most,
  );
  return { asked, slices };
}

const at = (layer: number | null, head: number | null = 0): Whose => ({ layer, head });

/** The same with a first slice that is shown, and what was told of the others. */
async function showing(nothing = false) {
  const { asked, slices } = made();
  const got = slices.get(at(0));
  await asked[0]?.answer();
  const told: string[] = [];
  const life = new AbortController();
  const spec = {
    source: slices,
    first: nothing ? null : await got,
    onSlice: ({ layer }: HeadSlice) => told.push(`shows ${layer}`),
    onBusy: (whose: Whose | null) => whose && told.push(`busy ${whose.layer}`),
    onError: (error: unknown) => error !== null && told.push((error as Error).message),
  };
  return { asked, slices, told, life, chosen: wanted(spec, life.signal) };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a slice is asked for once and then held", async () => {
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

test("what was not looked at for longest is let go", async () => {
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
  // However large: what is shown is kept.
  const { asked: large, slices: few } = made(1);
  const got = few.get(at(0));
  await large[0]?.answer();
  expect(few.held(at(0))).toBe(await got);
});

test("a failure is not kept", async () => {
  const { asked, slices } = made();
  const first = slices.get(at(0));
  const heard = expect(first).rejects.toThrow("It broke.");
  await asked[0]?.fail("It broke.");
  await heard;
  slices.get(at(0));
  expect(asked).toHaveLength(2);
});

test("the one that was wanted last is shown, the others are no longer asked for", async () => {
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

test("to come back to what is shown ends what is under way", async () => {
  const { asked, told, chosen } = await showing();
  chosen.want(at(1));
  expect(chosen.want(at(0))).toBe(false);
  expect(asked[1]?.signal?.aborted).toBe(true);
  await asked[1]?.answer();
  vi.advanceTimersByTime(10 * PATIENCE_MS);
  expect(told).toEqual([]);
});

test("what is held is shown at once", async () => {
  const { asked, told, chosen } = await showing();
  chosen.want(at(1));
  await asked[1]?.answer();
  expect(chosen.want(at(0))).toBe(true);
  expect(told).toEqual(["shows 1", "shows 0"]);
  expect(asked).toHaveLength(2);
});

test("it is said to be busy after a while, and the old one stays", async () => {
  const { asked, told, chosen } = await showing();
  chosen.want(at(1));
  vi.advanceTimersByTime(PATIENCE_MS - 1);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual(["busy 1"]);
  await asked[1]?.answer();
  expect(told).toEqual(["busy 1", "shows 1"]);
});

test("an error is told once; it is asked for again when that is said, or when one comes back to it", async () => {
  const { asked, told, chosen } = await showing();
  chosen.retry();
  expect(asked).toHaveLength(1);
  chosen.want(at(1));
  await asked[1]?.fail("It broke.");
  expect(told).toEqual(["It broke."]);
  // Something else in the selection moved: the same slice is wanted, and nothing is asked.
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

test("where nothing is shown yet, the first one is asked for like any other", async () => {
  const { asked, slices, told, chosen } = await showing(true);
  expect(slices.nameOf(at(1, null))).toBe('{"head":null,"layer":1}');
  expect(chosen.want(at(1))).toBe(false);
  await asked[1]?.answer();
  expect(told).toEqual(["shows 1"]);
});

test("with the view everything ends", async () => {
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
