import { expect, test } from "vitest";
import { darkness, largestOf, strongest, WHOLE, withoutFirst, withoutFirstAndOwn } from "../../src/maps/tint";

test("the strongest keys: so many, none too weak, and position 0 only if it takes part", () => {
  const row = Float32Array.of(0.7, 0.1, 0.015, 0.1, 0.08, 0.3);
  expect(strongest(row, 4, WHOLE)).toEqual([0, 1, 3, 4]);
  expect(strongest(row, 4, WHOLE, 2)).toEqual([0, 1]);
  const rest = withoutFirst(row, 4);
  expect([rest.from, rest.top]).toEqual([1, expect.closeTo(0.1)]);
  expect(strongest(row, 4, rest)).toEqual([1, 3, 4, 2]);
  expect([darkness(rest, 0.7, 0), darkness(rest, 0.1, 1), darkness(rest, 0.025, 1), darkness(rest, 0.9, 1)]).toEqual([
    ...[0, 1, 0.5, 1].map((x) => expect.closeTo(x)),
  ]);
  // The first token has no other keys.
  expect(withoutFirst(row, 0)).toEqual({ top: 1, from: 1, empty: true });
  expect(strongest(row, 0, withoutFirst(row, 0))).toEqual([]);
});

test("the largest weight is found among the keys that take part", () => {
  const row = Float32Array.of(0.7, 0.1, 0.2);
  expect([largestOf(row, 0), largestOf(row, 1), largestOf(Float32Array.of(0, 0), 1)]).toEqual([0, 2, 1]);
});

test("shares in a position are scaled to the largest share of another token", () => {
  const row = Float32Array.of(0.2, 0.1, 0.015, 0.5);
  expect(withoutFirstAndOwn(row, 3)).toEqual({ top: expect.closeTo(0.1), from: 1 });
  // If position 0 has nearly all, the scale does not exaggerate the others.
  expect(withoutFirstAndOwn(Float32Array.of(0.999, 0.0005, 0.0005), 2)).toEqual({ top: 0.01, from: 1 });
  // There is no other token.
  expect([withoutFirstAndOwn(row, 1), withoutFirstAndOwn(row, 0)].map(({ top }) => top)).toEqual([0.01, 0.01]);
});
