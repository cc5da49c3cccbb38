import { expect, test } from "vitest";
import { paintCells, palette } from "../../src/attention/paint";

test("rows of different lengths are painted as cells, and what is left out stays empty", () => {
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
