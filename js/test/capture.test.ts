import { afterEach, expect, test, vi } from "vitest";
import { capture } from "../src/capture";
import { element, svg } from "../src/dom";
import { svgOf } from "../src/picture";
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

test("a bar that is a background is in the picture where it stands in its box", () => {
  laidOut();
  const grounds =
    "linear-gradient(rgb(9, 8, 7) 0px, rgb(9, 8, 7) 0px), linear-gradient(rgba(1, 2, 3, 0) 0px, rgba(1, 2, 3, 0) 0px)";
  const place = "background-position: 1px 4px, 0px 11px; background-size: calc(100% - 2px) 8px, 100% 1px";
  const box = element("div", { style: `background-image: ${grounds}; ${place}`, "data-box": "10 10 50 23" });
  const root = element("section", {}, box);
  document.body.append(root);
  expect(capture(root).marks).toEqual([{ kind: "rect", x: 27, y: 30, w: 48, h: 8, fill: "rgb(9, 8, 7)" }]);
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

test("a map is in the picture where it stands, and names that run upwards do so there", () => {
  laidOut();
  const canvas = element("canvas", { "data-box": "20 30 100 80" });
  const name = element("span", { style: "writing-mode: vertical-rl; font-size: 10px", "data-box": "20 0 12 30" }, "·Paris");
  const hidden = element("span", { style: "visibility: hidden", "data-box": "40 0 12 30" }, "·Rome");
  const root = element("section", {}, canvas, name, hidden);
  document.body.append(root);
  vi.spyOn(Range.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(20, 10, 12, 20));
  expect(capture(root).marks).toEqual([
    expect.objectContaining({ kind: "image", source: canvas, x: 36, y: 46, w: 100, h: 80 }),
    expect.objectContaining({ kind: "text", text: "·Paris", x: 16 + 26 + 3.5, y: 46, turned: true }),
  ]);
});

test("what groups without a box is looked into, what is faint is faint, and a border that cannot be seen is none", () => {
  laidOut();
  const style = "background-color: rgb(1, 2, 3); border: 1px solid rgba(0, 0, 0, 0)";
  const box = element("div", { style, "data-box": "10 10 50 20" });
  const faint = element("div", { style: "opacity: 0.5", "data-box": "10 10 50 20" }, box);
  const root = element("section", {}, element("span", { style: "display: contents", "data-box": "0 0 0 0" }, faint));
  document.body.append(root);
  const [mark, ...others] = capture(root).marks;
  expect(others).toEqual([]);
  expect(mark).toMatchObject({ fill: "rgb(1, 2, 3)", opacity: 0.5, x: 26 });
  expect(mark).not.toHaveProperty("stroke");
});

test("maps and drawings are as faint as what is around them, and what cannot be seen is not in the picture", () => {
  laidOut();
  const drawing = (opacity?: number) => {
    const made = svg("svg", { "data-box": "0 0 300 100" });
    const mark = { kind: "rect" as const, x: 1, y: 1, w: 10, h: 10, fill: "red", ...(opacity ? { opacity } : {}) };
    paintSvg(made, { width: 300, height: 100, marks: [mark] });
    return made;
  };
  const within = (style: string, ...content: Node[]) => element("div", { style, "data-box": "0 0 300 100" }, ...content);
  const gone = within("opacity: 0; background-color: rgb(1, 2, 3)", drawing(), element("canvas"));
  const hidden = within("visibility: hidden", drawing());
  const faint = within("opacity: 0.5", drawing(), drawing(0.5), element("canvas"));
  // It comes back soon: a browser skips it, and still knows where everything in it stands.
  const skipped = within("", drawing());
  skipped.toggleAttribute("data-gone", true);
  const root = element("section", {}, gone, hidden, skipped, faint);
  document.body.append(root);
  expect(capture(root).marks.map(({ kind, opacity }) => [kind, opacity])).toEqual([
    ["rect", 0.5],
    ["rect", 0.25],
    ["image", 0.5],
  ]);
});

test("a drawing for a file has plain colours, and cuts off without ids", async () => {
  laidOut();
  const drawing = svg("svg", { "data-box": "0 0 300 100" });
  const marks = [
    { kind: "rect" as const, x: 250, y: 5, w: 10, h: 10, fill: "color(srgb 0.2 0.4 0.6 / 0.5)" },
    { kind: "text" as const, x: 5, y: 5, text: "<b>&", fill: "rgb(1, 2, 3)" },
  ];
  paintSvg(drawing, { width: 300, height: 100, marks });
  const frame = element("div", { style: "overflow-x: hidden", "data-box": "0 0 200 100" });
  frame.append(drawing);
  const root = element("section", {}, frame);
  document.body.append(root);
  const parsed = new DOMParser().parseFromString(await svgOf(root).text(), "image/svg+xml");
  const [, rect] = [...parsed.querySelectorAll("rect")];
  expect([rect?.getAttribute("fill"), rect?.getAttribute("opacity")]).toEqual(["rgb(51, 102, 153)", "0.5"]);
  expect(rect?.parentElement?.getAttribute("viewBox")).toBe("16 16 200 100");
  expect(parsed.querySelector("text")?.textContent).toBe("<b>&");
});
