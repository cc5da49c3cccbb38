// One head large: query x key on a canvas. Over it lies a row per query, which can be clicked, focused and read out.

import type { HeadSlice } from "../attention";
import { element, setSelected } from "../dom";
import { isBare, take } from "../keys";
import { token } from "../tokens";
import type { Text } from "../trace";
import { draw, paintMap, palette } from "./paint";
import { reader } from "./words";

const LABEL = 112;
const HEAD = 76;
const [LARGEST, LEAST, WIDEST_CELL] = [460, 140, 34];
/** The height that a label needs. */
const LINE = 13;

export interface HeadMap {
  el: HTMLElement;
  paint(slice: HeadSlice, dark: boolean): void;
  select(query: number, key: number | null): void;
  layOut(room: number): void;
}

export interface MapSpec {
  text: Text;
  onQuery: (query: number) => void;
  /** The cell under the pointer; null when it has left. */
  onPoint: (cell: { query: number; key: number } | null) => void;
}

export function headMap({ text, onQuery, onPoint }: MapSpec, signal: AbortSignal): HeadMap {
  const { length } = text.pieces;
  const canvas = element("canvas", { "aria-hidden": "true" });
  const keys = text.pieces.map((piece) =>
    element("span", { class: "tb-att-key", "aria-hidden": "true", "data-capture": "no" }, token(piece, { title: "" })),
  );
  const rows = text.pieces.map((piece, query) => {
    const attributes = { class: "tb-att-query", role: "option", tabindex: -1, "data-query": query, "aria-selected": "false" };
    const label = element("span", { class: "tb-att-label" }, token(piece, { title: "" }));
    return element("div", { ...attributes, "aria-label": reader(text, query) }, label, element("span", { class: "tb-att-line" }));
  });
  const column = element("div", { class: "tb-att-column", "aria-hidden": "true" });
  const list = element("div", { class: "tb-att-queries", role: "listbox", "aria-label": "The position that reads" }, ...rows);
  const el = element("div", { class: "tb-att-map" }, canvas, ...keys, column, list);

  let [cell, side] = [0, 0];
  let shown: { slice: HeadSlice; dark: boolean } | null = null;
  let selected: { query: number; key: number | null } = { query: -1, key: null };
  const mark = () => {
    const { query, key } = selected;
    rows.forEach((row, i) => {
      setSelected(row, i === query);
      row.tabIndex = i === query ? 0 : -1;
    });
    const every = Math.max(1, Math.ceil(LINE / (cell || LINE)));
    const near = (i: number, chosen: number | null) => chosen !== null && i !== chosen && Math.abs(i - chosen) * cell < LINE;
    rows.forEach((row, i) => {
      row.toggleAttribute("data-bare", i !== query && (i % every !== 0 || near(i, query)));
    });
    keys.forEach((each, i) => {
      each.toggleAttribute("data-bare", i !== key && (i % every !== 0 || near(i, key)));
      each.toggleAttribute("data-chosen", i === key);
    });
    column.hidden = key === null || key > query;
    column.style.cssText = `left:${LABEL + (key ?? 0) * cell}px;top:${HEAD}px;width:${cell}px;height:${side}px`;
  };
  const repaint = () => {
    if (!shown || !side) return;
    const { slice, dark } = shown;
    const ratio = Math.min(3, globalThis.devicePixelRatio || 1);
    draw(canvas, side, side, ratio, (sheet) => {
      paintMap(sheet, { x: 0, y: 0, size: sheet.width }, slice.weights, length, palette(dark));
    });
  };
  const go = (query: number) => {
    onQuery(query);
    rows[query]?.focus({ preventScroll: true });
  };
  const cellAt = (event: MouseEvent) => {
    const query = queryAt(event.target);
    const key = Math.floor((event.clientX - list.getBoundingClientRect().left - LABEL) / (cell || 1));
    return query === null || key < 0 || key > query ? null : { query, key };
  };
  list.addEventListener(
    "click",
    (event) => {
      const query = queryAt(event.target);
      if (query !== null) go(query);
    },
    { signal },
  );
  list.addEventListener(
    "keydown",
    (event) => {
      const query = queryAt(event.target);
      const to = query === null || !isBare(event) ? undefined : after(event.key, query, length - 1);
      if (to === undefined) return;
      take(event);
      go(Math.min(length - 1, Math.max(0, to)));
    },
    { signal },
  );
  list.addEventListener("pointermove", (event) => onPoint(cellAt(event)), { signal });
  list.addEventListener("pointerleave", () => onPoint(null), { signal });

  return {
    el,
    paint: (slice, dark) => {
      const same = shown?.dark === dark && shown.slice === slice;
      shown = { slice, dark };
      if (!same) repaint();
    },
    select: (query, key) => {
      if (selected.query === query && selected.key === key) return;
      selected = { query, key };
      mark();
    },
    layOut: (room) => {
      const most = Math.max(LEAST, Math.min(LARGEST, room - LABEL - 2));
      const next = Math.min(WIDEST_CELL, most / Math.max(1, length));
      if (next === cell) return;
      cell = next;
      side = cell * length;
      el.style.cssText = `width:${LABEL + side}px;height:${HEAD + side}px`;
      canvas.style.left = `${LABEL}px`;
      canvas.style.top = `${HEAD}px`;
      list.style.top = `${HEAD}px`;
      rows.forEach((row, i) => {
        row.style.cssText = `top:${i * cell}px;height:${cell}px`;
      });
      keys.forEach((each, i) => {
        each.style.left = `${LABEL + (i + 0.5) * cell}px`;
      });
      repaint();
      mark();
    },
  };
}

function queryAt(node: EventTarget | null): number | null {
  const found = (node as Element | null)?.closest<HTMLElement>(".tb-att-query")?.dataset.query;
  return found === undefined ? null : Number(found);
}

function after(key: string, query: number, last: number): number | undefined {
  return { ArrowUp: query - 1, ArrowDown: query + 1, Home: 0, End: last, Enter: query, " ": query }[key];
}
