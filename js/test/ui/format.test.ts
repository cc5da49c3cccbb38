import { expect, test } from "vitest";
import { nats, probability, short, theLayer, withP } from "../../src/ui/format";

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
