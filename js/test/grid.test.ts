import { afterEach, expect, test, vi } from "vitest";
import { Grid } from "../src/grid";
import type { Piece } from "../src/tokens";

afterEach(() => vi.unstubAllGlobals());

test("a width that is measured for a moment, while a host changes its theme, does not have the edge fade", () => {
  let resized = () => {};
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(callback: () => void) {
        resized = callback;
      }
      observe() {}
      disconnect() {}
    },
  );
  const heads: Piece[] = Array.from({ length: 8 }, (_, i) => [`w${i}`, `w${i}`, "text"]);
  const cell = () => ({ text: "a", title: "a", ground: "white", ink: "black" });
  const nothing = () => {};
  const spec = { label: "made", axis: "layer" as const, rows: [0], rowName: String, labelWidth: 46, heads, cell };
  const grid = new Grid({ ...spec, onSelect: nothing, onFocus: nothing }, new AbortController().signal);
  const measures = (width: number) => Object.defineProperty(grid.el, "clientWidth", { value: width, configurable: true });
  measures(900);
  resized();
  expect(grid.el.hasAttribute("data-more")).toBe(false);
  measures(400);
  grid.refresh();
  expect(grid.el.hasAttribute("data-more")).toBe(false);
  // Where it is laid out so narrow that columns are out of sight, it does.
  measures(300);
  resized();
  expect(grid.el.hasAttribute("data-more")).toBe(true);
});
