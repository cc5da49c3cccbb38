import { expect, test } from "vitest";
import { csv } from "../../src/picture/csv";

test("numbers and texts in a table are exact, with the quotation marks of CSV alone", () => {
  const p = Math.fround(0.7);
  const texts = ["a", " b", '"\n', "=1+1", "a,b", "\r", "🗼", "\ufffd", ""];
  const lines = csv(["text", "prob", "of, what"], [...texts.map((text) => [text, p, Number.NaN]), [null, -1, 0]]);
  expect(lines.split("\r\n")).toEqual([
    'text,prob,"of, what"',
    ...["a", " b", '"""\n"', "=1+1", '"a,b"', '"\r"', "🗼", "\ufffd", ""].map((cell) => `${cell},${p},`),
    ",-1,0",
    "",
  ]);
});
