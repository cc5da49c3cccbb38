import { expect, test } from "vitest";
import numbers from "../../../tests/fixtures/numbers.json";
import cases from "../../../tests/fixtures/requests.json";
import { canonical } from "../../src/requests/canonical";
import { requestKey, sliceKey } from "../../src/requests/request";

for (const { request, key, slice, slice_key } of cases) {
  test(`the key is the text that Python makes: ${key.slice(0, 60)}`, () => {
    expect(requestKey(request)).toBe(key);
    expect(sliceKey(request, slice)).toBe(slice_key);
    expect(sliceKey(request, undefined)).toBe(key);
  });
}

test("keys are sorted by code point, as Python sorts them", () => {
  // In UTF-16 the emoji's first unit (d83d) comes before U+FF5E.
  expect(canonical({ "🗼": 1, "～": 2, a: 3 })).toBe('{"a":3,"～":2,"🗼":1}');
});

test("equal numbers have one spelling", () => {
  for (const { written, spelled } of numbers) {
    for (const text of written) expect(canonical(JSON.parse(text))).toBe(spelled);
  }
});

test("a number that JSON cannot hold is an error", () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => canonical({ residual: value })).toThrow(`${value} is no number that JSON can hold.`);
  }
});

test("half a character is escaped, as Python escapes it", () => {
  expect(canonical("\ud83d")).toBe('"\\ud83d"');
  expect(canonical("\ud83d\ude00")).toBe('"😀"');
});
