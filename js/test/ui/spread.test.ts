import { expect, test } from "vitest";
import { spread } from "../../src/ui/spread";

test("labels are at least a gap apart, in order, and within the room", () => {
  const wanted = [50, 51, 52, 10, 98, 99, 100, 50];
  const placed = spread(wanted, 12, 0, 100);
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] as number) - (wanted[b] as number) || a - b);
  for (const [i, at] of order.slice(1).entries()) {
    expect((placed[at] as number) - (placed[order[i] as number] as number)).toBeGreaterThanOrEqual(12 - 1e-9);
  }
  expect(Math.min(...placed)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...placed)).toBeLessThanOrEqual(100);
});

test("labels with room stay where they are", () => {
  expect(spread([10, 40, 80], 12, 0, 100)).toEqual([10, 40, 80]);
  expect(spread([], 12, 0, 100)).toEqual([]);
});
