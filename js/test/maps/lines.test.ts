import { expect, test } from "vitest";
import { curve, lines, loop } from "../../src/maps/lines";
import { element } from "../../src/ui/dom";
import { all, watched } from "../made";

test("an unchanged line is not written again, and a changed one names its token", () => {
  const pieces = [0, 1, 2].map(() => element("span"));
  const list = element("div", {}, ...pieces);
  document.body.replaceChildren(list);
  const curves = lines(list, pieces, new AbortController().signal);
  const named = () => all(list, "polyline").map(({ dataset }) => [dataset.query, dataset.key, dataset.weight]);
  const found = [{ key: 1, weight: 0.5, strength: 0.7 }];
  curves.paint(2, found);
  expect(named()).toEqual([["2", "1", "0.500"]]);
  const scrolled = watched(list);
  curves.paint(2, found);
  list.dispatchEvent(new Event("scroll"));
  expect(scrolled()).toEqual([]);
  // Without a layout all places are 0, so the line is the same.
  const [before, other] = [all(list, "polyline"), watched(list)];
  curves.paint(2, [{ key: 0, weight: 0.25, strength: 0.7 }]);
  expect([named(), all(list, "polyline")]).toEqual([[["2", "0", "0.250"]], before]);
  expect(other().map(({ attributeName }) => attributeName)).toEqual(["data-key", "data-weight"]);
});

test("a line goes over the words on the same line, and to the foot of a token on another line", () => {
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
