import { expect, test } from "vitest";
import { contrast, diverging, ink, isTransparent, type Rgb, sequential } from "../../src/ui/color";

const rgb = (text: string) => text.match(/\d+/g)?.map(Number) as unknown as Rgb;
const AMOUNTS = Array.from({ length: 101 }, (_, i) => i / 100);

for (const dark of [false, true]) {
  test(`ink can be read on every shade, ${dark ? "dark" : "light"}`, () => {
    for (const amount of AMOUNTS) {
      const ground = sequential(amount, dark);
      expect(contrast(rgb(ink(ground)), ground)).toBeGreaterThanOrEqual(4.5);
    }
  });

  test(`signed amounts: ink can be read, more is further from paper, and both signs are equally far, ${dark ? "dark" : "light"}`, () => {
    const paper = diverging(0, dark);
    for (const amount of AMOUNTS) {
      const [above, below] = [diverging(amount, dark), diverging(-amount, dark)];
      for (const ground of [above, below]) expect(contrast(rgb(ink(ground)), ground)).toBeGreaterThanOrEqual(4.5);
      const [up, down] = [contrast(above, paper), contrast(below, paper)];
      expect(Math.max(up, down) / Math.min(up, down)).toBeLessThan(1.6);
      if (amount > 0.1) expect([(above[0] as number) > above[2], (below[2] as number) > below[0]]).toEqual([true, true]);
    }
  });

  test(`more is always further from paper, by lightness alone, ${dark ? "dark" : "light"}`, () => {
    const paper = sequential(0, dark);
    const distances = AMOUNTS.map((amount) => contrast(sequential(amount, dark), paper));
    for (let i = 2; i < distances.length; i++) expect(distances[i]).toBeGreaterThanOrEqual((distances[i - 2] as number) - 1e-9);
  });
}

test("amounts outside of the scale get the colours of its ends, and unknown amounts the paper colour", () => {
  expect(sequential(2, false)).toEqual(sequential(1, false));
  expect(sequential(-1, false)).toEqual(sequential(0, false));
  expect(sequential(Number.NaN, false)).toEqual(sequential(0, false));
});

for (const [color, clear] of [
  ["transparent", true],
  ["rgba(1, 2, 3, 0)", true],
  ["color(srgb 0 0 0 / 0)", true],
  ["rgb(1, 2, 0)", false],
  ["rgba(1, 2, 0, 0.5)", false],
] as const) {
  test(`${color} is ${clear ? "" : "not "}transparent`, () => {
    expect(isTransparent(color)).toBe(clear);
  });
}
