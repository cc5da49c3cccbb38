// Small maps of all layers x heads on one canvas. Elements above it can be clicked, focused and read by a screen reader.
// The first column has the means over heads, the first row the means over layers.

import type { Spot } from "../maps/grid_moves";
import { cellAfter, revealed } from "../maps/grid_moves";
import { draw, paintMap, palette } from "../maps/paint";
import type { Attributes } from "../ui/dom";
import { afterwards, element, focusedIn, setSelected, tabStop } from "../ui/dom";
import { isBare, take } from "../ui/keys";
import type { Attention, Whose } from "./result";
import { smallMapOf } from "./result";
import { whoseName } from "./words";

const [LEAST, MOST, TALLEST] = [14, 40, 620];
const LABEL = 46;
const HEAD = 20;
const GAP = 2;
/** Pixels between the means and the rest. */
const APART = 12;

export interface Overview {
  el: HTMLElement;
  paint(dark: boolean): void;
  select(whose: Whose): void;
  /** Makes the maps as large as fits into `beside`, the room beside the other parts; if that is too small, into all the `room`. */
  layOut(room: number, beside: number): void;
}

export function overview(attention: Attention, onSelect: (whose: Whose) => void, signal: AbortSignal): Overview {
  const layers: (number | null)[] = [null, ...[...attention.layers].reverse()];
  const columns: (number | null)[] = [null, ...attention.heads];
  const maps = layers.map((layer) => columns.map((head) => smallMapOf(attention, { layer, head })));
  const canvas = element("canvas", { "aria-hidden": "true" });
  /** Cell or label -> the place that it selects. */
  const spots = new Map<Element, Spot>();
  const leading = (spot: Spot, attributes: Attributes, content?: string) => {
    const whose = { layer: layers[spot.row] ?? null, head: columns[spot.token] ?? null };
    const el = element("span", { ...attributes, title: whoseName(whose), "aria-selected": "false" }, content);
    spots.set(el, spot);
    return el;
  };
  const names = columns.map((head, token) =>
    leading({ row: 0, token }, { class: "tb-att-head", role: "columnheader", "data-head": head }, name(head)),
  );
  const labels = layers.map((layer, row) =>
    leading({ row, token: 0 }, { class: "tb-att-layer", role: "rowheader", "data-layer": layer }, name(layer)),
  );
  const cells = layers.map((layer, row) =>
    columns.map((head, token) => {
      const which = { "data-layer": layer, "data-head": head, "aria-label": whoseName({ layer, head }) };
      return leading({ row, token }, { class: "tb-att-cell", role: "gridcell", tabindex: -1, ...which });
    }),
  );
  const corner = element("span", { class: "tb-att-corner", role: "columnheader" }, "layer");
  const rows = layers.map((_, i) => element("div", { class: "tb-att-row", role: "row" }, labels[i], ...(cells[i] ?? [])));
  const sheet = element("div", { class: "tb-att-sheet", role: "presentation" }, canvas);
  sheet.append(element("div", { class: "tb-att-row tb-att-heads", role: "row" }, corner, ...names), ...rows);
  const el = element("div", { class: "tb-att-overview", role: "grid", "aria-label": "Layers and heads" }, sheet);
  el.dataset.capture = "whole";

  let cell = LEAST;
  let dark: boolean | null = null;
  let focus: Spot = { row: 0, token: 0 };
  let marked: (HTMLElement | undefined)[] = [];
  const at = ({ row, token }: Spot) => cells[row]?.[token];
  const toStop = tabStop(cells.flat());
  const onHome = (to: Spot) => {
    focus = to;
    toStop(to.row * columns.length + to.token);
  };
  /** The start of a row or a column, in pixels. */
  const start = (index: number) => index * cell + (index > 0 ? APART : 0);
  const reveal = ({ row, token }: Spot) => {
    el.scrollTop = revealed(el.scrollTop, row && HEAD + start(row), cell, el.clientHeight);
    el.scrollLeft = revealed(el.scrollLeft, token && LABEL + start(token), cell, el.clientWidth);
  };
  const go = (to: Spot) => {
    onHome(to);
    reveal(to);
    at(to)?.focus({ preventScroll: true });
    onSelect({ layer: layers[to.row] ?? null, head: columns[to.token] ?? null });
  };
  const repaint = () => {
    if (dark === null) return;
    const ratio = Math.min(3, globalThis.devicePixelRatio || 1);
    const shades = palette(dark);
    const size = Math.max(1, Math.round((cell - GAP) * ratio));
    draw(canvas, start(columns.length), start(layers.length), ratio, (pixels) => {
      maps.forEach((line, i) => {
        line.forEach(({ map, side }, j) => {
          const box = { x: Math.round(start(j) * ratio), y: Math.round(start(i) * ratio), size };
          paintMap(pixels, box, map, side, shades);
        });
      });
    });
  };

  el.addEventListener(
    "click",
    (event) => {
      const spot = spots.get((event.target as Element).closest("[role]") as Element);
      if (spot) go(spot);
    },
    { signal },
  );
  el.addEventListener(
    "keydown",
    (event) => {
      const to = cellAfter(event, focus, { rows: layers.length, tokens: columns.length });
      const here = isBare(event) && (event.key === "Enter" || event.key === " ");
      if (!to && !here) return;
      take(event);
      go(to ?? focus);
    },
    { signal },
  );
  onHome(focus);

  return {
    el,
    paint: (now) => {
      if (dark === now) return;
      dark = now;
      repaint();
    },
    select: ({ layer, head }) => {
      const to = { row: layers.indexOf(layer), token: columns.indexOf(head) };
      const now = [at(to), labels[to.row], names[to.token]];
      for (const each of marked) if (each && !now.includes(each)) setSelected(each, false);
      for (const each of now) if (each) setSelected(each, true);
      marked = now;
      if (el.contains(focusedIn(el)) && (to.row !== focus.row || to.token !== focus.token)) return;
      onHome(to);
      afterwards(() => reveal(to));
    },
    layOut: (room, beside) => {
      const across = (width: number) => (width - LABEL - APART) / columns.length;
      const wide = across(beside) >= LEAST ? across(beside) : across(room);
      const fits = Math.floor(Math.min(wide, TALLEST / layers.length));
      const next = Math.min(MOST, Math.max(LEAST, fits));
      if (next === cell && sheet.style.width) return;
      cell = next;
      sheet.style.width = `${LABEL + start(columns.length)}px`;
      sheet.style.setProperty("--tb-cell", `${cell}px`);
      repaint();
    },
  };
}

function name(which: number | null): string {
  return which === null ? "mean" : String(which);
}
