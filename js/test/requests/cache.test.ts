import { expect, test } from "vitest";
import { AskError } from "../../src/requests/ask";
import { KEPT, withLastAnswers } from "../../src/requests/cache";
import { Liveness } from "../../src/requests/liveness";
import { REQUEST } from "../made";

const asked = (top: number) => ({ ...REQUEST, params: { top } });

/** Somebody who answers with a count, until nobody is there: then sending fails. */
function somebody() {
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

test("while somebody answers everything is asked anew", async () => {
  const { answers } = somebody();
  expect(await answers.ask(asked(1))).toBe(1);
  expect(await answers.ask(asked(1))).toBe(2);
});

test("when nobody answers any more, what was answered last stands in; what never was is refused", async () => {
  const { answers, state } = somebody();
  await answers.ask(asked(1));
  await answers.ask(asked(1));
  state.gone = true;
  expect(await answers.ask(asked(1))).toBe(2);
  expect(await answers.ask(asked(1))).toBe(2);
  await expect(answers.ask(asked(2))).rejects.toThrow("cannot be reached");
});

test("who gives up hears that, not an old answer", async () => {
  const { answers } = somebody();
  await answers.ask(asked(1));
  const given = AbortSignal.abort(new Error("given up"));
  const never = withLastAnswers({
    offline: false,
    liveness: new Liveness(null),
    ask: (_request, options) => Promise.reject(options?.signal?.reason),
  });
  await expect(never.ask(asked(1), { signal: given })).rejects.toThrow("given up");
});

test("only so many answers are kept", async () => {
  const { answers, state } = somebody();
  for (let top = 0; top <= KEPT; top++) await answers.ask(asked(top));
  state.gone = true;
  await expect(answers.ask(asked(0))).rejects.toThrow("cannot be reached");
  expect(await answers.ask(asked(1))).toBe(2);
});
