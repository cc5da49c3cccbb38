import { expect, test } from "vitest";
import { isolated } from "../src/tokens";

test("a token in a line of text cannot turn the line around", () => {
  expect(isolated("שלום")).toBe("\u2068שלום\u2069");
});
