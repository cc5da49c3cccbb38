import { expect, test } from "vitest";
import { requestAt } from "../../src/requests/target";
import { SCORES_REQUEST } from "../made";

test("code without a target gets one, in Python", () => {
  const target = { step: 0, token: ' "Paris"\n', against: 8, of: "prob" };
  const code = "tb.InputXGradient()(lm, trace)\n";
  expect(requestAt({ ...SCORES_REQUEST, target, code }, 3).code).toBe(
    'tb.InputXGradient()(lm, trace, tb.Target(step=3, token=" \\"Paris\\"\\n", against=8, of="prob"))\n',
  );
  expect(requestAt({ ...SCORES_REQUEST, code }, 1).code).toBe("tb.InputXGradient()(lm, trace, tb.Target(step=1))\n");
});
