// The small rules that drawings rest on: scales, labels, colours, numbers, tables.

import { expect, test } from "vitest";
import { csv } from "../../src/picture/csv";
import { isolated } from "../../src/tokens";
import { contrast, diverging, ink, isTransparent, type Rgb, sequential } from "../../src/ui/color";
import { nats, probability, short, theLayer, withP } from "../../src/ui/format";
import { linear, roundUp, ticks } from "../../src/ui/scale";
import { spread } from "../../src/ui/spread";

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

test("amounts outside of the scale are its ends, and what is unknown is paper", () => {
  expect(sequential(2, false)).toEqual(sequential(1, false));
  expect(sequential(-1, false)).toEqual(sequential(0, false));
  expect(sequential(Number.NaN, false)).toEqual(sequential(0, false));
});

test("labels are at least a gap apart, in order, and within the room", () => {
  const wanted = [50, 51, 52, 10, 98, 99, 100, 50];
  const placed = spread(wanted, 12, 0, 100);
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] as number) - (wanted[b] as number) || a - b);
  for (const [i, at] of order.slice(1).entries()) {
    expect((placed[at] as number) - (placed[order[i] as number] as number)).toBeGreaterThanOrEqual(12 - 1e-9);
  }
  expect(Math.min(...placed)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...placed)).toBeLessThanOrEqual(100);
});

test("labels with room stay where they are", () => {
  expect(spread([10, 40, 80], 12, 0, 100)).toEqual([10, 40, 80]);
  expect(spread([], 12, 0, 100)).toEqual([]);
});

test("a scale and its inverse", () => {
  const scale = linear([-1, 29], [40, 340]);
  expect(scale(-1)).toBe(40);
  expect(scale.invert(scale(12))).toBeCloseTo(12);
  expect(linear([3, 3], [0, 100])(3)).toBe(0);
});

test("ticks are round numbers within the domain", () => {
  expect(ticks(0, 29, 6, true)).toEqual([0, 5, 10, 15, 20, 25]);
  expect(ticks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticks(0, 2, 10, true)).toEqual([0, 1, 2]);
  expect(ticks(4, 4, 5)).toEqual([4]);
});

test("the end of an axis is round and not below", () => {
  expect([0, 0.3, 3.9, 4, 10.2, 11.7].map(roundUp)).toEqual([1, 0.3, 4, 4, 15, 15]);
});

test("only an exact zero or one is written as one, in one notation", () => {
  const written = [0.7015, 0.0123, 0.0005, 0.00001, 1e-30, 0, 0.9994, 0.9996, 1 - 2 ** -24, 1, Number.NaN];
  expect(written.map((p) => probability(p))).toEqual([
    ...["0.702", "0.012", "0.001", "1e−5", "1e−30", "0"],
    ...["0.999", ">0.999", ">0.999", "1.000", "–"],
  ]);
  expect([0.7015, 0.004, 0.996].map((p) => probability(p, 2))).toEqual(["0.70", "4e−3", ">0.99"]);
  expect([1.234, 0.004, -1e-9, 0, -0, 0.005, Number.NaN].map(nats)).toEqual([
    ...["1.23", "<0.01", "<0.01", "0.00", "0.00", "0.01", "–"],
  ]);
  expect([0.702, 0.99999, 1, 4e-5].map(withP)).toEqual(["p = 0.702", "p > 0.999", "p = 1.000", "p = 4e−5"]);
  expect([null, 0, 3.2e-7, 0.01234].map(short)).toEqual(["unknown", "0", "3.2e−7", "0.0123"]);
});

test("a layer in a sentence", () => {
  expect([-1, 0, 29].map((layer) => `after ${theLayer(layer)}`)).toEqual([
    "after the embedding",
    "after layer 0",
    "after layer 29",
  ]);
});

test("a token in a line of text cannot turn the line around", () => {
  expect(isolated("שלום")).toBe("\u2068שלום\u2069");
});

test("numbers in a table are exact, and text is a JSON string that no spreadsheet runs", () => {
  const p = Math.fround(0.7);
  const texts = ["a", " b", '"\n', "=1+1", "\t@x"];
  const lines = csv(["text", "prob", "of, what"], [...texts.map((text) => [text, p, Number.NaN]), [null, -1, 0]]).split("\r\n");
  expect(lines[0]).toBe('text,prob,"of, what"');
  expect(lines.slice(1)).toEqual([
    `"""a""",${p},`,
    `""" b""",${p},`,
    `"""\\""\\n""",${p},`,
    `"""=1+1""",${p},`,
    `"""\\t@x""",${p},`,
    ",-1,0",
    "",
  ]);
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
