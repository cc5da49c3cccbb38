import { expect, test } from "vitest";
import { lookedAt } from "../../src/maps/text";
import { WHOLE } from "../../src/maps/tint";
import type { Piece } from "../../src/tokens";
import type { Text } from "../../src/trace";
import { all } from "../made";

test("equal weights show whether they are exact, also after a change", () => {
  const pieces: Piece[] = ["a", "b"].map((word) => [word, word, "text"]);
  const spec = { text: { pieces } as Text, sinks: false, onKey: () => {}, onPoint: () => {} };
  const { el, paint } = lookedAt(spec, new AbortController().signal);
  document.body.replaceChildren(el);
  // Rows of two heads, whose first weights are alike.
  const said = (exact: number[] | null, ...weights: number[]) => {
    const row = { weights: Float32Array.from(weights), exact: exact && Uint8Array.from(exact) };
    paint({ ...row, sink: null, query: 1, tint: WHOLE, dark: false });
    return all(el, ".tb-att-figure").map(({ textContent }) => textContent);
  };
  expect(said([1, 1], 0.02, 0.9)).toEqual(["0.02", "0.90"]);
  expect(said([0, 1], 0.02, 0.8)).toEqual(["≈0.02", "0.80"]);
  expect(all(el, ".tb-piece")[0]?.getAttribute("aria-label")).toBe("position 0 \u2068a\u2069: ≈0.02");
  expect(said(null, 0.02, 0.8)).toEqual(["0.02", "0.80"]);
});
