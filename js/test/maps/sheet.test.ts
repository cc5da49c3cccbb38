import { expect, test, vi } from "vitest";
import { sheet } from "../../src/maps/sheet";
import type { Piece } from "../../src/tokens";
import { all } from "../made";

const COUNT = 300;
const pieces: Piece[] = Array.from({ length: COUNT }, (_, i) => [`w${i}`, `w${i}`, "text"]);

function long() {
  const [onCell, onRow] = [vi.fn(), vi.fn()];
  const made = sheet(
    {
      label: "a long text",
      axis: "query",
      rows: pieces.map((_, i) => i),
      rowName: (row) => `w${row}`,
      pieces,
      labelWidth: 100,
      cellSize: () => ({ width: 1.5, height: 1.5 }),
      reach: (row) => row,
      describe: (row, key) => `${row} ${key}`,
      onCell,
      onRow,
      onPoint: () => {},
    },
    new AbortController().signal,
  );
  document.body.replaceChildren(made.el);
  made.layOut(700);
  return { ...made, onCell, onRow };
}

const click = (el: Element, clientX: number, clientY: number) =>
  el.dispatchEvent(new MouseEvent("click", { clientX, clientY, bubbles: true }));

test("only labels that fit are in the page, and always the selected one", () => {
  const { el, select } = long();
  const named = (kind: string) => all(el, `.tb-sheet-${kind}`);
  expect([named("row").length, named("key").length]).toEqual([34, 34]);
  select(100, 50);
  expect(all(el, '.tb-sheet-row[aria-selected="true"]').map((row) => row.dataset.query)).toEqual(["100"]);
  expect(all(el, '.tb-sheet-key[aria-selected="true"]').map((name) => name.dataset.key)).toEqual(["50"]);
  // Labels that would touch it are left out, and come back.
  expect(named("row").map((row) => row.dataset.query)).not.toContain("99");
  // They are in order, and their indices are right.
  const rows = named("row").map((row) => Number(row.getAttribute("aria-rowindex")));
  expect(rows).toEqual([...rows].sort((a, b) => a - b));
  const [here, cursor] = [all(el, ".tb-sheet-here")[0], all(el, ".tb-sheet-cursor")[0]];
  expect([here?.getAttribute("aria-rowindex"), cursor?.getAttribute("aria-colindex")]).toEqual(["102", "52"]);
  expect(named("key").filter((name) => name.style.fontStyle === "italic").length).toBeGreaterThan(10);
  select(null, null);
  expect(
    named("row")
      .map((row) => Number(row.dataset.query))
      .sort((a, b) => a - b),
  ).toContain(99);
  expect(named("row").length).toBe(34);
});

test("a row without a label can be clicked", () => {
  const { el, onCell, onRow } = long();
  const list = all(el, ".tb-sheet-rows")[0] as HTMLElement;
  click(list, 100 + 20 * 1.5 + 0.5, 100 * 1.5 + 0.5);
  expect(onCell.mock.calls).toEqual([[100, 20]]);
  // Left of the cells, and where its row does not reach, it is the row alone.
  click(list, 50, 101 * 1.5 + 0.5);
  click(list, 100 + 200 * 1.5 + 0.5, 7 * 1.5 + 0.5);
  expect(onRow.mock.calls).toEqual([[101], [7]]);
});
