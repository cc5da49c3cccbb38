import { expect, test } from "vitest";
import cases from "../../../tests/fixtures/attention.json";
import { triangleOf } from "../../src/attention/levels";
import type { HeadSlice } from "../../src/attention/slice";
import { isExact, rangeOf, sliceOf } from "../../src/attention/slice";
import { rowStart } from "../../src/maps/triangle";
import { decode } from "../../src/wire";

/** The arrays of a tree, from base64. */
function unpacked(tree: object): unknown {
  return JSON.parse(JSON.stringify(tree), (name, value) =>
    name === "$array" ? new DataView(Uint8Array.from(atob(value), (c) => c.charCodeAt(0)).buffer) : value,
  );
}

for (const { name, length, tree, weights, exact, rest } of cases) {
  test(`both sides read the same: ${name}`, () => {
    const slice: HeadSlice = sliceOf(decode(unpacked(tree)), length);
    expect([slice.layer, slice.head, slice.weights.length]).toEqual([3, 1, weights.length]);
    weights.forEach((weight, at) => {
      expect(slice.weights[at]).toBeCloseTo(weight, 6);
    });
    const cells = Array.from({ length }, (_, query) => Array.from({ length: query + 1 }, (_, key) => ({ query, key }))).flat();
    expect(cells.map(({ query, key }) => Number(isExact(slice, query, key)))).toEqual(exact);
    for (const { query, key } of cells) {
      const [least, most] = rangeOf(slice, query, key);
      const weight = weights[rowStart(query) + key] as number;
      expect(least <= weight + 1e-6 && weight <= most + 1e-6).toBe(true);
    }
    if (!rest) expect(slice.rest).toBeNull();
    else
      rest.forEach((sum, query) => {
        expect(slice.rest?.[query]).toBeCloseTo(sum, 4);
      });
    expect(slice.sink?.length).toBe(length);
  });
}

test("a byte that is no symbol is cut, and writes into no neighbouring cell", () => {
  // A byte has five digits of base 3; 255 has one more.
  const { weights } = triangleOf({ base: 3, cells: Uint8Array.of(0, 255), exact: new Float32Array(0) }, 4);
  const levels = [0, 0, 0, 0, 0, 0, 0, 1, 1, 0].map((level) => Math.fround((level / 15) ** 2));
  // Down the columns.
  const at = [0, 1, 2, 3].flatMap((key) => [0, 1, 2, 3].slice(key).map((query) => rowStart(query) + key));
  expect(at.map((cell) => weights[cell])).toEqual(levels);
});
