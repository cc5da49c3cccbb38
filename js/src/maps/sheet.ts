// Rows x tokens on a canvas. Elements above it hold the labels of the rows, the marks of the selection, and one focusable cell.
// Keys move this cell and screen readers read it, so the sheet needs no element for each cell.

import type { Piece } from "../tokens";
import { token } from "../tokens";
import { element, focusedIn, setHidden, setSelected } from "../ui/dom";
import { isBare, take } from "../ui/keys";
import { cellAfter } from "./grid_moves";
import { draw, paintCells } from "./paint";

const HEAD = 76;
/** The style of a key that the row does not reach. */
const LATER = "color:var(--tb-ink-3);font-style:italic";
/** The height of a label. */
const LINE = 13;
/** Pixels between the extra column and the tokens. */
const APART = 10;
/** The smallest width of the extra column. */
const OWN = 8;

export interface SheetSpec {
  label: string;
  /** The axis of the rows, and its coordinates from top to bottom. */
  axis: "query" | "layer";
  rows: readonly number[];
  rowName: (row: number) => Node | string;
  /** A header for the labels of the rows, where they do not explain themselves. */
  corner?: string;
  /** The tokens at the keys. */
  pieces: readonly Piece[];
  /** Pixels for the labels of the rows. */
  labelWidth: number;
  /** The size of a cell if all cells have this room. */
  cellSize: (room: number) => { width: number; height: number };
  /** The name of an extra column left of the tokens, for weight that no token gets: the sink. */
  own?: string | null;
  /** The last key of a row. */
  reach: (row: number) => number;
  /** The words for a cell. */
  describe: (row: number, key: number) => string;
  onCell: (row: number, key: number) => void;
  onRow: (row: number) => void;
  /** Called with the cell under the pointer or with the focus; null when there is none. */
  onPoint: (cell: { row: number; key: number } | null) => void;
}

export interface Painted {
  /** The weights of each row, from key 0 to the row's last key. */
  rows: readonly Float32Array[];
  /** The weight of each row in the extra column. */
  own: Float32Array | null;
  /** The first key to draw. */
  from: number;
  shades: Uint32Array;
}

export interface CellSheet {
  el: HTMLElement;
  paint(what: Painted): void;
  select(row: number | null, key: number | null): void;
  layOut(room: number): void;
}

export function sheet(spec: SheetSpec, signal: AbortSignal): CellSheet {
  const { axis, pieces, labelWidth, reach } = spec;
  const canvas = element("canvas", { "aria-hidden": "true" });
  // Columns for screen readers: the labels of the rows, the extra column, the keys.
  const firstKey = spec.own ? 3 : 2;
  const ownName = spec.own
    ? element("span", { class: "tb-sheet-key tb-sheet-own", role: "columnheader", "aria-colindex": 2 }, spec.own)
    : null;
  const column = element("div", { class: "tb-sheet-column", "aria-hidden": "true" });
  const chosen = element("div", { class: "tb-sheet-chosen", "aria-hidden": "true" });
  const cursor = element("div", { class: "tb-sheet-cursor", role: "gridcell", tabindex: 0 });
  const heads = element("div", { class: "tb-sheet-heads", role: "row", "aria-rowindex": 1 }, ownName);
  const corner = { class: "tb-sheet-corner", role: "columnheader", "aria-colindex": 1 };
  if (spec.corner) heads.append(element("span", corner, spec.corner));
  const list = element("div", { class: "tb-sheet-rows", role: "rowgroup" });
  const here = element("div", { class: "tb-sheet-here", role: "row" }, cursor);
  const el = element(
    "div",
    {
      class: "tb-sheet",
      role: "grid",
      "aria-label": spec.label,
      "aria-rowcount": spec.rows.length + 1,
      "aria-colcount": pieces.length + firstKey - 1,
    },
    canvas,
    heads,
    list,
    column,
    chosen,
    here,
  );

  let [width, height] = [0, 0];
  let painted: Painted | null = null;
  let selected: { row: number | null; key: number | null } = { row: null, key: null };
  let focus = { row: 0, token: 0 };
  const rows = names(list, spec.rows.length, (i) => {
    const row = rowAt(i);
    const label = element("span", { class: "tb-sheet-label", role: "rowheader", "aria-colindex": 1 }, spec.rowName(row));
    const made = element("div", { class: "tb-sheet-row", role: "row", [`data-${axis}`]: row, "aria-rowindex": i + 2 }, label);
    made.append(element("span", { class: "tb-sheet-line", "aria-hidden": "true" }));
    return made;
  });
  const keys = names(heads, pieces.length, (key) => {
    const attributes = { class: "tb-sheet-key", role: "columnheader", "data-key": key, "aria-colindex": key + firstKey };
    return element("span", attributes, token(pieces[key] as Piece, { title: "" }));
  });
  const own = () => (ownName ? Math.max(OWN, Math.min(width, 2 * LINE)) + APART : 0);
  const left = () => labelWidth + own();
  const index = (row: number | null) => spec.rows.indexOf(row ?? Number.NaN);
  const rowAt = (i: number) => spec.rows[i] as number;
  const place = (target: HTMLElement, i: number, key: number) => {
    target.style.cssText = `left:${left() + key * width}px;top:${HEAD + i * height}px;width:${width}px;height:${height}px`;
  };
  const toCursor = (i: number, key: number) => {
    focus = { row: i, token: Math.max(0, Math.min(key, reach(rowAt(i)))) };
    place(cursor, focus.row, focus.token);
    cursor.dataset[axis] = String(rowAt(focus.row));
    cursor.dataset.key = String(focus.token);
    here.setAttribute("aria-rowindex", String(focus.row + 2));
    cursor.setAttribute("aria-colindex", String(focus.token + firstKey));
    cursor.setAttribute("aria-label", spec.describe(rowAt(focus.row), focus.token));
    setSelected(cursor, selected.row === rowAt(focus.row) && selected.key === focus.token);
  };
  const mark = () => {
    const i = index(selected.row);
    const { key } = selected;
    const last = reach(rowAt(i < 0 ? spec.rows.length - 1 : i));
    rows.show(i, height || LINE, (at) => `top:${at * height}px;height:${height}px`);
    keys.show(key ?? -1, width || LINE, (at) => `left:${left() + (at + 0.5) * width}px;${at > last ? LATER : ""}`);
    const isThere = key !== null && i >= 0 && key <= reach(rowAt(i));
    setHidden(column, key === null || (i >= 0 && !isThere));
    column.style.cssText = `left:${left() + (key ?? 0) * width}px;top:${HEAD}px;width:${width}px;height:${height * spec.rows.length}px`;
    setHidden(chosen, !isThere);
    if (isThere) place(chosen, i, key);
    // The focused cell stays in place, but its number may have changed.
    if (focusedIn(el) === cursor) toCursor(focus.row, focus.token);
    else toCursor(Math.max(0, i), key ?? 0);
  };
  const repaint = () => {
    if (!painted || !width) return;
    const { rows: values, own: ownValues, from, shades } = painted;
    const ratio = Math.min(3, globalThis.devicePixelRatio || 1);
    draw(canvas, own() + width * pieces.length, height * spec.rows.length, ratio, (pixels) => {
      const tall = Math.round(height * spec.rows.length * ratio);
      const box = { x: Math.round(own() * ratio), y: 0, width: Math.round(width * pieces.length * ratio), height: tall };
      paintCells(pixels, box, values, { columns: pieces.length, from, shades });
      if (!ownValues) return;
      const strip = { x: 0, y: 0, width: Math.round((own() - APART) * ratio), height: tall };
      paintCells(
        pixels,
        strip,
        [...ownValues].map((weight) => Float32Array.of(weight)),
        { columns: 1, from: 0, shades },
      );
    });
  };
  const cellAt = (event: MouseEvent) => {
    const row = pointedRow(event);
    const key = Math.floor((event.clientX - list.getBoundingClientRect().left - left()) / (width || 1));
    return row === null || key < 0 || key > reach(row) ? null : { row, key };
  };
  /** The row of a label, else the row at this height: in a long text most rows have no label. */
  const pointedRow = (event: MouseEvent) =>
    rowOf(event.target, axis) ??
    spec.rows[Math.floor((event.clientY - list.getBoundingClientRect().top) / (height || 1))] ??
    null;

  list.addEventListener(
    "click",
    (event) => {
      const row = pointedRow(event);
      if (row === null) return;
      const cell = cellAt(event);
      toCursor(index(row), cell?.key ?? selected.key ?? focus.token);
      if (cell) spec.onCell(cell.row, cell.key);
      else spec.onRow(row);
      cursor.focus({ preventScroll: true });
    },
    { signal },
  );
  cursor.addEventListener(
    "keydown",
    (event) => {
      const to = cellAfter(event, focus, { rows: spec.rows.length, tokens: pieces.length });
      const here = isBare(event) && (event.key === "Enter" || event.key === " ");
      if (!to && !here) return;
      take(event);
      if (to) toCursor(to.row, to.token);
      else spec.onCell(rowAt(focus.row), focus.token);
      spec.onPoint({ row: rowAt(focus.row), key: focus.token });
    },
    { signal },
  );
  cursor.addEventListener("focus", () => spec.onPoint({ row: rowAt(focus.row), key: focus.token }), { signal });
  cursor.addEventListener(
    "blur",
    () => {
      spec.onPoint(null);
      mark();
    },
    { signal },
  );
  list.addEventListener("pointermove", (event) => spec.onPoint(cellAt(event)), { signal });
  list.addEventListener("pointerleave", () => spec.onPoint(null), { signal });

  return {
    el,
    paint: (what) => {
      painted = what;
      repaint();
    },
    select: (row, key) => {
      selected = { row, key };
      mark();
    },
    layOut: (room) => {
      const next = spec.cellSize(room - labelWidth - own() - 2);
      if (next.width === width && next.height === height) return;
      ({ width, height } = next);
      el.style.cssText = `width:${left() + width * pieces.length}px;height:${HEAD + height * spec.rows.length}px`;
      canvas.style.left = `${labelWidth}px`;
      canvas.style.top = `${HEAD}px`;
      list.style.cssText = `top:${HEAD}px;height:${height * spec.rows.length}px;--tb-sheet-left:${left()}px;--tb-sheet-label:${labelWidth - 6}px`;
      if (ownName) ownName.style.left = `${labelWidth + (own() - APART) / 2}px`;
      place(cursor, focus.row, focus.token);
      repaint();
      mark();
    },
  };
}

interface Names {
  /** Shows the labels that fit, and the label of the selected row. */
  show(selected: number, size: number, style: (index: number) => string): void;
}

/** Leaves out labels that would touch, but never the selected one. They are not in the page: a long text has hundreds. */
function names(parent: HTMLElement, count: number, make: (index: number) => HTMLElement): Names {
  const made = new Map<number, { name: HTMLElement; styled: string }>();
  return {
    show: (selected, size, style) => {
      const every = Math.max(1, Math.ceil(LINE / size));
      const isFree = (i: number) => selected < 0 || Math.abs(i - selected) * size >= LINE;
      const shown = Array.from({ length: Math.ceil(count / every) }, (_, i) => i * every).filter(isFree);
      if (selected >= 0 && selected < count) shown.push(selected);
      shown.sort((a, b) => a - b);
      const kept = new Set(shown);
      for (const [i, { name }] of made) {
        if (kept.has(i)) continue;
        name.remove();
        made.delete(i);
      }
      // From the last to the first: each label is inserted before the next one.
      let next: Node | null = null;
      for (const i of shown.reverse()) {
        const { name, styled } = made.get(i) ?? { name: make(i), styled: "" };
        const now = style(i);
        setSelected(name, i === selected);
        if (now !== styled) name.style.cssText = now;
        if (!made.has(i)) parent.insertBefore(name, next);
        next = name;
        made.set(i, { name, styled: now });
      }
    },
  };
}

function rowOf(node: EventTarget | null, axis: "query" | "layer"): number | null {
  const found = (node as Element | null)?.closest<HTMLElement>(".tb-sheet-row")?.dataset[axis];
  return found === undefined ? null : Number(found);
}
