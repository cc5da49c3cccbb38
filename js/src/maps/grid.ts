// A table of rows (layers, steps) x positions. Only the visible columns exist in the page, so that 80 layers x 512 tokens stay
// fluid. Scrolling reuses cells: column c has the cell in slot c modulo the number of slots.

import type { Piece } from "../tokens";
import { isolated } from "../tokens";
import { afterwards, element, focusedIn, onResize, setSelected } from "../ui/dom";
import { isBare, take } from "../ui/keys";
import type { Spot } from "./grid_moves";
import { cellAfter, revealed } from "./grid_moves";

const ROW_HEIGHT = 19;
const HEAD_HEIGHT = 34;
/** If all columns fit at this width, they are all shown; else they are wider, and scroll. */
const NARROWEST = 40;
const ROOMY = 58;
const WIDEST = 96;
/** The largest width of a character in a cell, and the padding around the text. */
const [ADVANCE, PADDING] = [7, 8];
/** Columns that exist beyond each edge. */
const SPARE = 3;

export interface Cell {
  text: string;
  title: string;
  ground: string;
  ink: string;
}

export interface GridSpec {
  label: string;
  /** The axis of the rows. */
  axis: "layer" | "step";
  /** The coordinates of the rows, from top to bottom. */
  rows: readonly number[];
  rowName: (row: number) => string;
  /** Pixels for the labels of the rows. */
  labelWidth: number;
  /** The token at each position, for the headers of the columns. */
  heads: readonly Piece[];
  /** The content of a cell; null for an empty cell. */
  cell: (row: number, token: number) => Cell | null;
  onSelect: (row: number | null, token: number | null) => void;
  onFocus: (row: number, token: number) => void;
  /** The first visible column where none is selected. */
  begin?: () => number | null;
}

const NOTHING: Cell = { text: "", title: "", ground: "transparent", ink: "inherit" };

interface Row {
  at: number;
  el: HTMLElement;
  label: HTMLElement;
  cells: HTMLElement[];
}

export class Grid {
  readonly el: HTMLElement;
  readonly #spec: GridSpec;
  readonly #sheet: HTMLElement;
  readonly #head: HTMLElement;
  readonly #rows: Row[];
  readonly #columnBand = element("div", { class: "tb-grid-column", "aria-hidden": "true" });
  readonly #rowBand = element("div", { class: "tb-grid-row", "aria-hidden": "true" });
  #heads: HTMLElement[] = [];
  #columns: number[] = [];
  #width = NARROWEST;
  /** The width of the table at its last layout. A measurement is wrong for a moment while a host changes its theme. */
  #seen = 0;
  /** Whether the table was laid out while it was visible. */
  #begun = false;
  #selected: { at: number | null; token: number | null } = { at: null, token: null };
  #focus: Spot = { row: 0, token: 0 };
  #marked: ReadonlySet<HTMLElement | undefined> = new Set();
  #stop: HTMLElement | undefined;

  constructor(spec: GridSpec, signal: AbortSignal) {
    this.#spec = spec;
    this.#head = element("div", { class: "tb-grid-head", role: "row", "aria-rowindex": 1 });
    this.#head.append(element("span", { class: "tb-grid-corner", role: "columnheader", "aria-colindex": 1 }, spec.axis));
    this.#rows = spec.rows.map((at, i) => {
      const place = {
        class: "tb-grid-label",
        role: "rowheader",
        "aria-colindex": 1,
        "aria-selected": "false",
        [`data-${spec.axis}`]: at,
      };
      const label = element("span", place, spec.rowName(at));
      const el = element("div", { class: "tb-grid-line", role: "row", "aria-rowindex": i + 2 }, label);
      return { at, el, label, cells: [] };
    });
    this.#sheet = element("div", { class: "tb-grid-sheet", role: "presentation" });
    this.#sheet.append(this.#head, ...this.#rows.map(({ el }) => el), this.#rowBand, this.#columnBand);
    this.el = element("div", {
      class: "tb-grid",
      role: "grid",
      tabindex: -1,
      "aria-label": spec.label,
      "aria-rowcount": spec.rows.length + 1,
      "aria-colcount": spec.heads.length + 1,
    });
    this.el.style.setProperty("--tb-row-height", `${ROW_HEIGHT}px`);
    this.el.style.setProperty("--tb-head-height", `${HEAD_HEIGHT}px`);
    this.el.style.setProperty("--tb-label-width", `${spec.labelWidth}px`);
    this.el.append(this.#sheet);
    this.#layOut();

    this.el.addEventListener("scroll", () => this.#fill(), { signal, passive: true });
    this.el.addEventListener("click", (event) => this.#click(event), { signal });
    this.el.addEventListener("keydown", (event) => this.#key(event), { signal });
    onResize([this.el], () => this.#layOut(), signal);
  }

  /** Draws the cells anew, after values or colours have changed. */
  refresh(): void {
    this.#columns = [];
    this.#fill();
  }

  /** Marks a cell, its row and its column, and scrolls the cell into view. */
  select(at: number | null, token: number | null): void {
    this.#selected = { at, token };
    const row = this.#spec.rows.indexOf(at ?? Number.NaN);
    if (token !== null) this.#focus = { row: row < 0 ? this.#focus.row : row, token };
    this.#columnBand.hidden = token === null;
    this.#rowBand.hidden = row < 0;
    this.#place();
    this.#mark();
    afterwards(() => {
      this.#reveal(row, token);
      this.#fill();
    });
  }

  #layOut(): void {
    const count = this.#spec.heads.length;
    this.#seen = this.el.clientWidth;
    const room = (this.#seen || 800) - this.#spec.labelWidth - 1;
    const even = Math.floor(room / Math.max(1, count));
    const before = this.#width;
    // Where columns scroll, a whole number of them is visible.
    this.#width = even < NARROWEST ? room / Math.max(1, Math.floor(room / ROOMY)) : Math.min(WIDEST, even);
    const slots = Math.min(count, Math.ceil(room / this.#width) + 2 * SPARE);
    this.#sheet.style.width = `${this.#spec.labelWidth + count * this.#width}px`;
    // Keep the column at the left edge there.
    if (this.#width !== before) this.el.scrollLeft = Math.round(this.el.scrollLeft / before) * this.#width;
    if (slots !== this.#heads.length) this.#makeSlots(slots);
    this.#columns = [];
    this.#place();
    this.#fill();
    const begin = this.#begun || this.#seen === 0 ? null : (this.#spec.begin?.() ?? null);
    this.#begun ||= this.#seen > 0;
    this.#reveal(this.#spec.rows.indexOf(this.#selected.at ?? Number.NaN), this.#selected.token ?? begin);
  }

  #makeSlots(slots: number): void {
    const attributes = { class: "tb-grid-cell", role: "gridcell", dir: "auto", tabindex: -1, "aria-selected": "false" };
    const cell = () => element("span", attributes);
    this.#heads = Array.from({ length: slots }, columnHead);
    this.#head.replaceChildren(this.#head.firstChild as Node, ...this.#heads);
    for (const row of this.#rows) {
      row.cells = Array.from({ length: slots }, cell);
      row.el.replaceChildren(row.label, ...row.cells);
    }
  }

  /** Gives every visible column its cells. Changes only columns that were not visible before. */
  #fill(): void {
    this.el.toggleAttribute(
      "data-more",
      this.el.scrollLeft + this.#seen < this.#spec.labelWidth + this.#spec.heads.length * this.#width - 1,
    );
    const [slots, count] = [this.#heads.length, this.#spec.heads.length];
    const first = Math.max(0, Math.min(Math.floor(this.el.scrollLeft / this.#width) - SPARE, count - slots));
    for (let token = first; token < Math.min(count, first + slots); token++) {
      const slot = token % slots;
      if (this.#columns[slot] === token) continue;
      this.#leave(this.#columns[slot]);
      this.#columns[slot] = token;
      this.#fillColumn(slot, token);
    }
    this.#mark();
  }

  #fillColumn(slot: number, token: number): void {
    const left = `${this.#spec.labelWidth + token * this.#width}px`;
    const width = `${this.#width - 1}px`;
    const head = this.#heads[slot] as HTMLElement;
    const [, display] = this.#spec.heads[token] as Piece;
    const [name, number] = [...head.children] as [HTMLElement, HTMLElement];
    name.textContent = display;
    number.textContent = String(token);
    head.title = `${isolated(display)} · position ${token}`;
    head.toggleAttribute("data-long", !fits(display, this.#width));
    head.dataset.token = String(token);
    head.setAttribute("aria-colindex", String(token + 2));
    head.style.left = left;
    head.style.width = width;
    for (const { at, cells } of this.#rows) {
      const el = cells[slot] as HTMLElement;
      const { text, title, ground, ink } = this.#spec.cell(at, token) ?? NOTHING;
      el.textContent = text;
      el.title = title;
      el.toggleAttribute("data-long", !fits(text, this.#width));
      el.dataset[this.#spec.axis] = String(at);
      el.dataset.token = String(token);
      el.setAttribute("aria-colindex", String(token + 2));
      el.style.cssText = `left:${left};width:${width};background:${ground};color:${ink}`;
    }
  }

  /** If the focused cell is about to show another column, moves the focus to the table. */
  #leave(token: number | undefined): void {
    const active = focusedIn(this.el) as HTMLElement | null;
    if (token !== undefined && active?.dataset.token === String(token) && this.el.contains(active))
      this.el.focus({ preventScroll: true });
  }

  /** Changes only the old and the new marks: the table may have thousands of cells. */
  #mark(): void {
    const { at, token } = this.#selected;
    const slot = this.#columns.indexOf(token ?? Number.NaN);
    const row = this.#rows.find((each) => each.at === at);
    const marked = new Set([this.#heads[slot], row?.label, row?.cells[slot]]);
    for (const el of this.#marked) if (el && !marked.has(el)) setSelected(el, false);
    for (const el of marked) if (el) setSelected(el, true);
    this.#marked = marked;
    // The one stop for Tab: the cell that had the focus last, or the table while this cell does not exist.
    const stop = this.#rows[this.#focus.row]?.cells[this.#columns.indexOf(this.#focus.token)];
    if (stop !== this.#stop && this.#stop) this.#stop.tabIndex = -1;
    if (stop) stop.tabIndex = 0;
    this.#stop = stop;
    this.el.tabIndex = stop ? -1 : 0;
  }

  #place(): void {
    const row = this.#spec.rows.indexOf(this.#selected.at ?? Number.NaN);
    this.#columnBand.style.cssText = `left:${this.#spec.labelWidth + (this.#selected.token ?? 0) * this.#width - 1}px;width:${this.#width + 1}px`;
    this.#rowBand.style.cssText = `top:${HEAD_HEIGHT + row * ROW_HEIGHT - 1}px`;
  }

  /** Scrolls the table, never the page. */
  #reveal(row: number, token: number | null): void {
    const el = this.el;
    if (token !== null) {
      el.scrollLeft = revealed(el.scrollLeft, token * this.#width, this.#width, el.clientWidth - this.#spec.labelWidth);
    }
    if (row >= 0) {
      el.scrollTop = revealed(el.scrollTop, row * ROW_HEIGHT, ROW_HEIGHT, el.clientHeight - HEAD_HEIGHT);
    }
  }

  #click(event: Event): void {
    const { axis } = this.#spec;
    const pointed = (event.target as HTMLElement).closest<HTMLElement>(`[data-${axis}], [data-token]`);
    if (!pointed || !this.el.contains(pointed)) return;
    const { [axis]: at, token } = pointed.dataset;
    this.#spec.onSelect(at === undefined ? null : Number(at), token === undefined ? null : Number(token));
    if (at !== undefined && token !== undefined) this.#moveFocus(this.#spec.rows.indexOf(Number(at)), Number(token));
  }

  #key(event: KeyboardEvent): void {
    const { row, token } = this.#focus;
    const to = cellAfter(event, this.#focus, { rows: this.#rows.length, tokens: this.#spec.heads.length });
    if (to) {
      take(event);
      this.#moveFocus(to.row, to.token);
      this.#spec.onSelect(this.#spec.rows[to.row] ?? null, to.token);
    } else if (isBare(event) && (event.key === "Enter" || event.key === " ")) {
      take(event);
      this.#spec.onSelect(this.#spec.rows[row] ?? null, token);
    }
  }

  #moveFocus(row: number, token: number): void {
    this.#focus = { row, token };
    this.#reveal(row, token);
    this.#fill();
    const slot = this.#columns.indexOf(token);
    this.#rows[row]?.cells[slot]?.focus({ preventScroll: true });
    this.#spec.onFocus(this.#spec.rows[row] ?? 0, token);
  }
}

/**
 * Whether the text surely fits into a cell of this width. A sign that a font lacks comes from another font and may be twice as
 * wide; characters of other scripts may have any width.
 */
function fits(text: string, width: number): boolean {
  const signs = text.match(/[−↵⇥…–—‘’“”]/g)?.length ?? 0;
  return (text.length + signs) * ADVANCE + PADDING <= width && /^[\x20-\x7e·−↵⇥…–—‘’“”]*$/.test(text);
}

/** The header of a column: the token, and the number of its position below. */
function columnHead(): HTMLElement {
  const name = element("span", { class: "tb-grid-token", dir: "auto" });
  const number = element("span", { class: "tb-grid-number" });
  return element("span", { class: "tb-grid-name", role: "columnheader", "aria-selected": "false" }, name, number);
}
