import { expect, test } from "vitest";
import cases from "../../tests/fixtures/wire.json";
import { decode, LabeledArray } from "../src/wire";

function bytesOf(base64: string, before = 0): DataView {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const buffer = new ArrayBuffer(before + bytes.length);
  new Uint8Array(buffer, before).set(bytes);
  return new DataView(buffer, before);
}

for (const { name, tree, bytes, values, coords } of cases) {
  test(`both sides read the same: ${name}`, () => {
    const array = decode({ ...tree, $array: bytesOf(bytes) }) as LabeledArray;
    expect(array.values.length).toBe(values.length);
    values.forEach((value, i) => {
      if (value === null) expect(array.values[i]).toBeNaN();
      else expect(array.values[i]).toBeCloseTo(value, 6);
    });
    for (const [dim, expected] of Object.entries(coords)) expect(array.coords(dim)).toEqual(expected);
    expect(array.shape).toEqual(tree.shape);
  });

  test(`bytes may start anywhere, and be an index into buffers: ${name}`, () => {
    const array = decode({ a: [{ ...tree, $array: 1 }] }, [new DataView(new ArrayBuffer(0)), bytesOf(bytes, 3)]) as {
      a: LabeledArray[];
    };
    expect(array.a[0]?.values.length).toBe(values.length);
  });
}

const array = new LabeledArray(Float32Array.of(1, 2, 3, 4, 5, 6), ["layer", "token"], [2, 3], { layer: [-1, 0] });

test("a number is found by coordinates, never by offsets", () => {
  expect(array.at({ layer: -1, token: 2 })).toBe(3);
  expect(array.at({ layer: 0, token: 0 })).toBe(4);
});

test("coordinates that are not there are not a number", () => {
  expect(array.at({ layer: 1, token: 0 })).toBeNaN();
  expect(array.at({ layer: 0, token: 3 })).toBeNaN();
});

test("a forgotten axis is an error", () => {
  expect(() => array.at({ layer: 0 })).toThrow("no coordinate for axis token of [layer, token]");
});

test("a missing buffer is an error", () => {
  const node = { $array: 2, dtype: "f4", shape: [1], dims: ["step"], encoding: "plain" };
  expect(() => decode(node, [])).toThrow("buffer 2 is missing: 0 came with the message");
});

test("values that are no arrays stay the same", () => {
  expect(decode({ a: null, b: [1, "x", { c: true }] })).toEqual({ a: null, b: [1, "x", { c: true }] });
});
