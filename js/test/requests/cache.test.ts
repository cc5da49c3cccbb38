import { expect, test } from "vitest";
import { AskError } from "../../src/requests/ask";
import { KEPT, withLastAnswers } from "../../src/requests/cache";
import { Liveness } from "../../src/requests/liveness";
import { REQUEST } from "../made";

const asked = (top: number) => ({ ...REQUEST, params: { top } });

/** A kernel that answers with a count, until it is gone: then sending fails. */
function countingKernel() {
  const liveness = new Liveness(null);
  const state = { count: 0, gone: false };
  const answers = withLastAnswers({
    offline: false,
    liveness,
    ask: async () => {
      if (!state.gone) return ++state.count;
      liveness.lost();
      throw new AskError("The kernel cannot be reached.");
    },
  });
  return { answers, state };
}

test("while the kernel answers, every request is sent again", async () => {
  const { answers } = countingKernel();
  expect(await answers.ask(asked(1))).toBe(1);
  expect(await answers.ask(asked(1))).toBe(2);
});

test("when the kernel is silent, the last answer is used; a request without one fails", async () => {
  const { answers, state } = countingKernel();
  await answers.ask(asked(1));
  await answers.ask(asked(1));
  state.gone = true;
  expect(await answers.ask(asked(1))).toBe(2);
  expect(await answers.ask(asked(1))).toBe(2);
  await expect(answers.ask(asked(2))).rejects.toThrow("cannot be reached");
});

test("an aborted request rejects, and gives no old answer", async () => {
  const { answers } = countingKernel();
  await answers.ask(asked(1));
  const given = AbortSignal.abort(new Error("given up"));
  const never = withLastAnswers({
    offline: false,
    liveness: new Liveness(null),
    ask: (_request, options) => Promise.reject(options?.signal?.reason),
  });
  await expect(never.ask(asked(1), { signal: given })).rejects.toThrow("given up");
});

test("a limited number of answers is kept", async () => {
  const { answers, state } = countingKernel();
  for (let top = 0; top <= KEPT; top++) await answers.ask(asked(top));
  state.gone = true;
  await expect(answers.ask(asked(0))).rejects.toThrow("cannot be reached");
  expect(await answers.ask(asked(1))).toBe(2);
});
