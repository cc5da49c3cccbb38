import { expect, test } from "vitest";
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
