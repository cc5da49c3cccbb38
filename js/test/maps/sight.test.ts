import { expect, test } from "vitest";
import { scrolledTo } from "../../src/maps/sight";

const at = (top: number, worth: number) => ({ top, bottom: top + 40, worth });
const VIEW = { now: 0, room: 300, whole: 1000, fade: 20 };

test("a text opens where the most coloured tokens are visible", () => {
  // The first token has most; the query is far below.
  expect(scrolledTo([at(10, 1), at(900, 0.2)], VIEW)).toBe(0);
  // The keys are near the query: all are visible, and clear of the faded edge.
  const low = scrolledTo([at(10, 0.3), at(600, 0.5), at(700, 0.4), at(740, 0.2)], VIEW);
  expect([low + 20 <= 600, low + 300 - 20 >= 780]).toEqual([true, true]);
  // Nothing fades at the ends.
  expect(scrolledTo([at(955, 1)], VIEW)).toBe(700);
});

test("a text does not scroll for a small gain", () => {
  const spots = [at(10, 1), at(900, 1.2)];
  expect([scrolledTo(spots, VIEW), scrolledTo(spots, { ...VIEW, now: 700 })]).toEqual([0, 700]);
  // No further than it must.
  expect(scrolledTo([at(10, 1), at(900, 1.3)], VIEW)).toBe(668);
});

test("a text that fits, or has no coloured token, does not scroll", () => {
  expect(scrolledTo([at(10, 0.1), at(200, 1)], { ...VIEW, whole: 300 })).toBe(0);
  expect([scrolledTo([], { ...VIEW, now: 50 }), scrolledTo([at(100, 0)], { ...VIEW, now: 5000 })]).toEqual([50, 700]);
});
