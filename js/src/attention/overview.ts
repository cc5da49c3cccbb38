// Every layer x head as a small map, all drawn on one canvas; over it lie the cells that can be clicked, focused and read out.

import type { Attention, Whose } from "../attention";
import { smallMapOf } from "../attention";
import { element, focusedIn, setSelected } from "../dom";
import { cellAfter, revealed } from "../grid_moves";
import { isBare, take } from "../keys";
import { draw, paintMap, palette } from "./paint";
import { whoseName } from "./words";

const [LEAST, MOST, TALLEST] = [14, 40, 620];
const LABEL = 46;
const HEAD = 20;
const GAP = 2;
/** Between the mean and the heads, which it is the mean of. */
const APART = 12;

export interface Overview {
  el: HTMLElement;
  paint(dark: boolean): void;
  select(whose: Whose): void;
  layOut(room: number): void;
}

export function overview(attention: Attention, onSelect: (whose: Whose) => void, signal: AbortSignal): Overview {
  const layers = [...attention.layers].reverse();
  // The mean over heads comes first.
  const columns: (number | null)[] = [null, ...attention.heads];
  const maps = layers.map((layer) => columns.map((head) => smallMapOf(attention, { layer, head })));
  const canvas = element("canvas", { "aria-hidden": "true" });
  const names = columns.map((head) =>
    element("span", { class: "tb-att-head", role: "columnheader", "data-head": head, "aria-selected": "false" }, name(head)),
  );
  const cells = layers.map((layer) =>
    columns.map((head) => {
      const which = { "data-layer": layer, "data-head": head, "data-mean": head === null };
      const said = { "aria-label": whoseName({ layer, head }), title: whoseName({ layer, head }), "aria-selected": "false" };
      return element("span", { class: "tb-att-cell", role: "gridcell", tabindex: -1, ...which, ...said });
    }),
  );
  const labels = layers.map((layer) =>
    element("span", { class: "tb-att-layer", role: "rowheader", "data-layer": layer, "aria-selected": "false" }, String(layer)),
  );
  const corner = element("span", { class: "tb-att-corner", role: "columnheader" }, "layer");
  const rows = layers.map((_, i) => element("div", { class: "tb-att-row", role: "row" }, labels[i], ...(cells[i] ?? [])));
  const sheet = element("div", { class: "tb-att-sheet", role: "presentation" }, canvas);
  sheet.append(element("div", { class: "tb-att-row tb-att-heads", role: "row" }, corner, ...names), ...rows);
  const el = element("div", { class: "tb-att-overview", role: "grid", "aria-label": "Layers and heads" }, sheet);
  el.dataset.capture = "whole";

  let cell = LEAST;
  let dark: boolean | null = null;
  let focus = { row: 0, token: 0 };
  const at = ({ row, token }: typeof focus) => cells[row]?.[token];
  const onHome = (to: typeof focus) => {
    const old = at(focus);
    if (old) old.tabIndex = -1;
    focus = to;
    const now = at(focus);
    if (now) now.tabIndex = 0;
  };
  const left = (column: number) => column * cell + (column > 0 ? APART : 0);
  const reveal = ({ row, token }: typeof focus) => {
    el.scrollTop = revealed(el.scrollTop, HEAD + row * cell, cell, el.clientHeight);
    el.scrollLeft = revealed(el.scrollLeft, token && LABEL + left(token), cell, el.clientWidth);
  };
  const go = (to: typeof focus) => {
    onHome(to);
    reveal(to);
    at(to)?.focus({ preventScroll: true });
    onSelect({ layer: layers[to.row] as number, head: columns[to.token] ?? null });
  };
  const repaint = () => {
    if (dark === null) return;
    const ratio = Math.min(3, globalThis.devicePixelRatio || 1);
    const shades = palette(dark);
    const size = Math.max(1, Math.round((cell - GAP) * ratio));
    draw(canvas, left(columns.length), layers.length * cell, ratio, (pixels) => {
      maps.forEach((line, i) => {
        line.forEach(({ map, side }, j) => {
          const box = { x: Math.round(left(j) * ratio), y: Math.round(i * cell * ratio), size };
          paintMap(pixels, box, map, side, shades);
        });
      });
    });
  };

  el.addEventListener(
    "click",
    (event) => {
      const target = (event.target as Element).closest<HTMLElement>(".tb-att-cell, .tb-att-layer");
      const row = layers.indexOf(Number(target?.dataset.layer));
      if (!target || row < 0) return;
      const { head } = target.dataset;
      go({ row, token: head === undefined ? 0 : columns.indexOf(Number(head)) });
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
      const row = layers.indexOf(layer ?? Number.NaN);
      cells.forEach((line, i) => {
        line.forEach((each, j) => {
          setSelected(each, i === row && columns[j] === head);
        });
      });
      labels.forEach((each, i) => {
        setSelected(each, i === row);
      });
      names.forEach((each, j) => {
        setSelected(each, (row >= 0 || head !== null) && columns[j] === head);
      });
      if (row < 0) return;
      const to = { row, token: columns.indexOf(head) };
      if (el.contains(focusedIn(el)) && (to.row !== focus.row || to.token !== focus.token)) return;
      onHome(to);
      reveal(to);
    },
    layOut: (room) => {
      const fits = Math.floor(Math.min((room - LABEL - APART) / columns.length, TALLEST / layers.length));
      const next = Math.min(MOST, Math.max(LEAST, fits));
      if (next === cell && sheet.style.width) return;
      cell = next;
      sheet.style.width = `${LABEL + left(columns.length)}px`;
      sheet.style.setProperty("--tb-cell", `${cell}px`);
      repaint();
    },
  };
}

function name(head: number | null): string {
  return head === null ? "mean" : String(head);
}
