import { afterEach, expect, test, vi } from "vitest";
import { capture } from "../src/capture";
import { element, svg } from "../src/dom";
import { paintSvg } from "../src/scene_svg";

/** Where elements are, since nothing is laid out here: by their attribute `data-box`. */
function laidOut() {
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
    const [x, y, width, height] = (this.getAttribute("data-box") ?? "0 0 200 100").split(" ").map(Number);
    return new DOMRect(x, y, width, height);
  });
}

afterEach(() => {
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

test("a drawing is cut off where the page cuts it off", () => {
  laidOut();
  const drawing = svg("svg", { "data-box": "0 0 300 100" });
  paintSvg(drawing, { width: 300, height: 100, marks: [{ kind: "rect", x: 250, y: 5, w: 10, h: 10, fill: "red" }] });
  const frame = element("div", { style: "overflow-x: hidden", "data-box": "0 0 200 100" });
  frame.append(drawing);
  const root = element("section", {}, frame);
  document.body.append(root);
  const marks = capture(root).marks.filter((mark) => mark.fill === "red");
  expect(marks).toEqual([expect.objectContaining({ x: 266, y: 21, clip: [16, 16, 200, 100] })]);
});

test("an opaque box without blue is in the picture, a transparent one is not", () => {
  laidOut();
  const box = (color: string) => element("div", { style: `background-color: ${color}`, "data-box": "10 10 50 20" });
  const root = element("section", {}, box("rgb(1, 2, 0)"), box("rgba(1, 2, 3, 0)"));
  document.body.append(root);
  expect(capture(root).marks.map(({ fill }) => fill)).toEqual(["rgb(1, 2, 0)"]);
});

test("what is marked as whole does not scroll in the picture, and is as it was afterwards", () => {
  laidOut();
  const scrolling = element("div", { "data-capture": "whole" });
  const root = element("section", {}, scrolling);
  document.body.append(root);
  scrolling.scrollTop = 40;
  const heights: string[] = [];
  vi.spyOn(scrolling, "getBoundingClientRect").mockImplementation(() => {
    heights.push(scrolling.style.maxHeight);
    scrolling.scrollTop = 0;
    return new DOMRect(0, 0, 200, 100);
  });
  capture(root);
  expect([[...new Set(heights)], scrolling.style.maxHeight, scrolling.scrollTop]).toEqual([["none"], "", 40]);
});
