import { expect, test, vi } from "vitest";
import { draw, paintCells, palette } from "../../src/maps/paint";

test("rows of different lengths are painted as cells, and left-out keys stay empty", () => {
  const shades = Uint32Array.from({ length: 256 }, (_, i) => i + 1);
  const pixels = new Uint32Array(5 * 4);
  const rows = [Float32Array.of(1), Float32Array.of(0.25, 0)];
  paintCells({ pixels, width: 5 }, { x: 1, y: 0, width: 4, height: 4 }, rows, { columns: 2, from: 0, shades });
  expect([...pixels]).toEqual([...[0, 256, 256, 0, 0], ...[0, 256, 256, 0, 0], ...[0, 129, 129, 1, 1], ...[0, 129, 129, 1, 1]]);
  pixels.fill(0);
  paintCells({ pixels, width: 5 }, { x: 0, y: 0, width: 2, height: 2 }, rows, { columns: 2, from: 1, shades });
  expect([...pixels].filter(Boolean)).toEqual([1]);
  // With `top` a shade is darker, and everything above as dark as it gets.
  const [usual, stretched] = [palette(false), palette(false, 0.25)];
  expect([stretched[0], stretched[127], stretched[255]]).toEqual([usual[0], usual[254], usual[255]]);
});

test("a canvas has the size of the drawing, and is not allocated again for the same size", () => {
  const canvas = document.createElement("canvas");
  const resized = vi.fn();
  const watching = new Proxy(canvas, {
    get: (of, name) => (name === "getContext" ? () => null : Reflect.get(of, name, of)),
    set: (of, name, value) => {
      if (name === "width" || name === "height") resized();
      return Reflect.set(of, name, value, of);
    },
  });
  const sizes = [
    [30, 20],
    [30, 20],
    [31, 20],
    [31, 21],
  ] as const;
  const seen = sizes.map(([width, height]) => {
    resized.mockClear();
    draw(watching, width, height, 2, () => {});
    return [canvas.width, canvas.height, canvas.style.width, canvas.style.height, resized.mock.calls.length > 0];
  });
  expect(seen).toEqual([
    [60, 40, "30px", "20px", true],
    [60, 40, "30px", "20px", false],
    [62, 40, "31px", "20px", true],
    [62, 42, "31px", "21px", true],
  ]);
});
