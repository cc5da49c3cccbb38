import { expect, test } from "vitest";
import type { Mark } from "../../src/picture/scene";
import { paintSvg } from "../../src/picture/scene_svg";
import { svg } from "../../src/ui/dom";
import { watched } from "../made";

const bar = (x: number, more: object = {}): Mark => ({ kind: "rect", x, y: 0, w: 5, h: 9, fill: "red", ...more });
const scene = (...marks: Mark[]) => ({ width: 40, height: 10, marks });
const xs = (drawing: Element) => [...drawing.children].map((each) => each.getAttribute("x"));

test("unchanged marks keep their elements; others are replaced", () => {
  const drawing = svg("svg");
  paintSvg(drawing, scene(bar(0), bar(10), bar(20)));
  const [first, second, third] = drawing.children;
  paintSvg(drawing, scene(bar(0), bar(11), bar(20)));
  expect(xs(drawing)).toEqual(["0", "11", "20"]);
  expect([drawing.children[0] === first, drawing.children[1] === second, drawing.children[2] === third]).toEqual([
    true,
    false,
    true,
  ]);
  paintSvg(drawing, scene(bar(0, { clip: [0, 0, 3, 3] })));
  expect([...drawing.children].map(({ tagName }) => tagName)).toEqual(["svg"]);
});

test("elements above the marks stay above them", () => {
  const drawing = svg("svg");
  paintSvg(drawing, scene(bar(0), bar(10)));
  const over = svg("rect", { x: "over" });
  drawing.append(over);
  paintSvg(drawing, scene(bar(0)));
  expect(xs(drawing)).toEqual(["0", "over"]);
  paintSvg(drawing, scene(bar(1), bar(10), bar(20)));
  expect(xs(drawing)).toEqual(["1", "10", "20", "over"]);
  expect(drawing.lastChild).toBe(over);
});

test("painting the same scene changes nothing on the page", () => {
  const drawing = svg("svg");
  paintSvg(drawing, scene(bar(0), { kind: "text", x: 1, y: 2, text: "a" }));
  document.body.replaceChildren(drawing);
  const same = watched(drawing);
  paintSvg(drawing, scene(bar(0), { kind: "text", x: 1, y: 2, text: "a" }));
  expect(same()).toEqual([]);
  const other = watched(drawing);
  paintSvg(drawing, scene(bar(0), { kind: "text", x: 1, y: 2, text: "b" }));
  expect(other().length).toBeGreaterThan(0);
});
