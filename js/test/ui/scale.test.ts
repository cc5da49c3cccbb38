import { expect, test } from "vitest";
import { linear, roundUp, ticks } from "../../src/ui/scale";

test("a scale and its inverse", () => {
  const scale = linear([-1, 29], [40, 340]);
  expect(scale(-1)).toBe(40);
  expect(scale.invert(scale(12))).toBeCloseTo(12);
  expect(linear([3, 3], [0, 100])(3)).toBe(0);
});

test("ticks are round numbers within the domain", () => {
  expect(ticks(0, 29, 6, true)).toEqual([0, 5, 10, 15, 20, 25]);
  expect(ticks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticks(0, 2, 10, true)).toEqual([0, 1, 2]);
  expect(ticks(4, 4, 5)).toEqual([4]);
});

test("the end of an axis is round and not below", () => {
  expect([0, 0.3, 3.9, 4, 10.2, 11.7].map(roundUp)).toEqual([1, 0.3, 4, 4, 15, 15]);
});
