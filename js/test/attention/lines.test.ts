import { expect, test } from "vitest";
import { curve, loop } from "../../src/attention/lines";

test("a line goes over the words to one beside it, and to the foot of one on another line", () => {
  const box = (left: number, top: number) => ({ left, top, width: 20, height: 40 });
  const beside = curve(box(100, 50), box(10, 50));
  expect([beside[0], beside.at(-1)]).toEqual([
    [110, 50],
    [20, 50],
  ]);
  expect(Math.min(...beside.map(([, y]) => y))).toBeGreaterThanOrEqual(50 - 13);
  const above = curve(box(100, 50), box(10, 0));
  expect([above[0], above.at(-1)]).toEqual([
    [110, 50],
    [20, 40],
  ]);
  const own = loop(box(100, 50));
  expect(own.every(([x, y]) => x >= 100 && x <= 120 && y <= 50 && y >= 50 - 13)).toBe(true);
});
