import { expect, test } from "vitest";
import { csv } from "../../src/picture/csv";

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
