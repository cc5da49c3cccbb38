import { afterEach, expect, test, vi } from "vitest";
import { Grid } from "../../src/maps/grid";
import type { Piece } from "../../src/tokens";
import { all, resizes } from "../made";

afterEach(() => vi.unstubAllGlobals());

const nothing = () => {};

/** A table of one row with a label of 46 pixels. */
function table(texts: readonly string[]): Grid {
  const heads = texts.map((text): Piece => [text, text, "text"]);
  const cell = (_: number, token: number) => ({ text: texts[token] ?? "", title: "", ground: "white", ink: "black" });
  const spec = { label: "made", axis: "layer" as const, rows: [0], rowName: String, labelWidth: 46, heads, cell };
  return new Grid({ ...spec, onSelect: nothing, onFocus: nothing }, new AbortController().signal);
}

const measures = ({ el }: Grid, width: number) => Object.defineProperty(el, "clientWidth", { value: width, configurable: true });

test("only cells and headers with long text are clipped", () => {
  const resized = resizes();
  // Seven characters fit. A sign may be as wide as two, and the width of other scripts is unknown.
  const texts = ["1234567", "12345678", "·234567", "↵↵↵", "↵↵↵↵", "12345–", "123456–", "שלום"];
  const grid = table(texts);
  measures(grid, 46 + 1 + 60 * texts.length);
  resized();
  const cut = (kind: string) => all(grid.el, kind).map((el) => el.hasAttribute("data-long"));
  const expected = [false, true, false, false, true, false, true, true];
  expect([cut(".tb-grid-name"), cut(".tb-grid-cell")]).toEqual([expected, expected]);
});

test("a wrong width during a change of the theme does not fade the edge", () => {
  const resized = resizes();
  const grid = table(Array<string>(8).fill("w"));
  measures(grid, 900);
  resized();
  expect(grid.el.hasAttribute("data-more")).toBe(false);
  measures(grid, 400);
  grid.refresh();
  expect(grid.el.hasAttribute("data-more")).toBe(false);
  // Where it is laid out so narrow that columns are out of sight, it does.
  measures(grid, 300);
  resized();
  expect(grid.el.hasAttribute("data-more")).toBe(true);
});
