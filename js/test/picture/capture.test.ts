import { afterEach, expect, test, vi } from "vitest";
import { capture } from "../../src/picture/capture";
import { svgOf } from "../../src/picture/picture";
import { paintSvg } from "../../src/picture/scene_svg";
import { element, svg } from "../../src/ui/dom";

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

/** The marks of a box with these background layers: [image, place, size]. */
function grounds(...layers: readonly (readonly [string, string, string])[]) {
  laidOut();
  const [images, places, sizes] = [0, 1, 2].map((i) => layers.map((layer) => layer[i]).join(", "));
  const style = `background-image: ${images}; background-position: ${places}; background-size: ${sizes}`;
  const root = element("section", {}, element("div", { style, "data-box": "10 10 50 23" }));
  document.body.append(root);
  return capture(root).marks;
}

/** A gradient as browsers write it. */
const plain = (color: string, other = color) => `linear-gradient(${color} 0px, ${other} 0px)`;
const [RED, BLUE] = ["rgb(9, 0, 0)", "rgb(0, 0, 9)"];

test("a bar that is a background is in the picture at its place", () => {
  const marks = grounds(
    [plain(RED), "1px 4px", "calc(100% - 2px) 8px"],
    [plain("rgba(1, 2, 3, 0)"), "0px 0px", "100% 1px"],
    [plain(BLUE), "0px 11px", "100% 1px"],
  );
  expect(marks).toEqual([
    { kind: "rect", x: 26, y: 37, w: 50, h: 1, fill: BLUE },
    { kind: "rect", x: 27, y: 30, w: 48, h: 8, fill: RED },
  ]);
});

test("per cent of a background's place are of the room that is left", () => {
  const [mark, ...others] = grounds([plain(RED), "50% 100%", "10px 3px"]);
  expect([mark, others]).toEqual([{ kind: "rect", x: 26 + 20, y: 26 + 20, w: 10, h: 3, fill: RED }, []]);
});

test("a background that is no bar is left out, and shifts no other", () => {
  const marks = grounds(
    ['url("data:,a")', "0px 0px", "5px 5px"],
    [plain(RED, BLUE), "1px 1px", "6px 6px"],
    ["none", "1px 1px", "6px 6px"],
    [plain(BLUE), "2px 2px", "7px 7px"],
  );
  expect(marks).toEqual([{ kind: "rect", x: 28, y: 28, w: 7, h: 7, fill: BLUE }]);
});

test("an element marked as whole does not scroll in the picture, and is restored afterwards", () => {
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

test("the picture enters groups without a box, keeps opacity, and skips invisible borders", () => {
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

test("maps and drawings get the opacity of their ancestors, and invisible elements are left out", () => {
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
  // The element comes back soon: it is invisible, but has a layout.
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
