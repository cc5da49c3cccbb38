import { afterEach, expect, test, vi } from "vitest";
import { drawing, svgOf } from "../../src/picture/picture";
import { element } from "../../src/ui/dom";

afterEach(() => {
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

function read(text: string): Document {
  const found = new DOMParser().parseFromString(text, "image/svg+xml");
  expect(found.querySelector("parsererror")).toBeNull();
  return found;
}

test("text stays text, in plain colours, and clipped parts stay clipped", () => {
  const file = read(
    drawing(
      {
        width: 100,
        height: 50,
        marks: [
          { kind: "text", x: 1, y: 9, text: "</script> & \u0000\ud800", fill: "var(--tb-ink)" },
          { kind: "rect", x: 90, y: 0, w: 30, h: 10, fill: "red", clip: [0, 0, 100, 50] },
        ],
      },
      (color) => (color.startsWith("var(") ? "rgb(1, 2, 3)" : color),
    ),
  );
  const text = file.querySelector("text");
  expect([text?.textContent, text?.getAttribute("fill")]).toEqual(["</script> & \ufffd\ufffd", "rgb(1, 2, 3)"]);
  const window = file.querySelector("rect")?.parentElement;
  expect([window?.tagName, window?.getAttribute("width"), window?.getAttribute("viewBox")]).toEqual(["svg", "100", "0 0 100 50"]);
  expect(file.documentElement.getAttribute("viewBox")).toBe("0 0 100 50");
});

test("a canvas is a raster in the picture", async () => {
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, 40, 20));
  const canvas = element("canvas");
  vi.spyOn(canvas, "toDataURL").mockReturnValue("data:image/png;base64,AAAA");
  const root = element("section", {}, canvas);
  document.body.append(root);
  const image = read(await svgOf(root).text()).querySelector("image");
  expect([image?.getAttribute("href"), image?.getAttribute("width")]).toEqual(["data:image/png;base64,AAAA", "40"]);
});

test("mixed colours are three numbers and an opacity", () => {
  const painted = (fill: string) => {
    const mark = { kind: "rect", x: 0, y: 0, w: 1, h: 1, fill } as const;
    const rect = read(drawing({ width: 1, height: 1, marks: [mark] }, (color) => color)).querySelector("rect");
    return [rect?.getAttribute("fill"), rect?.getAttribute("opacity")];
  };
  expect(painted("color(srgb 1 0.5 0 / 0.7)")).toEqual(["rgb(255, 128, 0)", "0.7"]);
  expect(painted("color(srgb 0 0 1)")).toEqual(["rgb(0, 0, 255)", null]);
  expect(painted("rgb(1, 2, 3)")).toEqual(["rgb(1, 2, 3)", null]);
});
