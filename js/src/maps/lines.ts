// Thin curves behind the words, from the query to the tokens with the largest weights. The words are measured, so the curves
// are right for wrapped lines, right-to-left words and all sizes.

import type { Mark } from "../picture/scene";
import { paintSvg } from "../picture/scene_svg";
import { onResize, setAttributes, svg } from "../ui/dom";

export interface Line {
  key: number;
  weight: number;
  /** The strength of the line, from 0 to 1. */
  strength: number;
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Pixels for curves above a line of words. */
const LANE = 13;
const POINTS = 24;
/** The largest width of the loop from a token to itself. */
const LOOP = 16;

/**
 * The layer of lines of a text. `list` is the box that scrolls and wraps, and the offset parent of the tokens. Only lines to
 * visible tokens are drawn.
 */
export function lines(list: HTMLElement, pieces: readonly HTMLElement[], signal: AbortSignal) {
  const layer = svg("svg", { class: "tb-att-lines", "aria-hidden": "true" });
  list.prepend(layer);
  let shown: { query: number; found: readonly Line[] } = { query: 0, found: [] };
  const draw = () => {
    const { query, found } = shown;
    const from = pieces[query];
    const end = pieces.at(-1);
    if (!from || !end) return;
    const seen = { top: list.scrollTop, bottom: list.scrollTop + list.clientHeight };
    const scrolls = list.scrollHeight > list.clientHeight + 1;
    // Draw the weakest first, under the others.
    const drawn = found
      .map((line) => ({ ...line, box: boxOf(pieces[line.key] as HTMLElement) }))
      .filter(({ box }) => !scrolls || (box.top + box.height > seen.top && box.top < seen.bottom))
      .reverse();
    const start = boxOf(from);
    const marks = drawn.map(({ key, strength, box }): Mark => {
      const points = key === query ? loop(start) : curve(start, box);
      return { kind: "line", points, stroke: "var(--tb-amount)", width: 1 + 2.5 * strength, opacity: 0.4 + 0.5 * strength };
    });
    paintSvg(layer, { width: list.clientWidth, height: end.offsetTop + end.offsetHeight, marks });
    [...layer.children].forEach((path, i) => {
      const { key, weight } = drawn[i] as Line;
      setAttributes(path, { "data-key": key, "data-query": query, "data-weight": weight.toPrecision(3) });
    });
  };
  onResize([list], draw, signal);
  list.addEventListener("scroll", draw, { signal, passive: true });
  return {
    paint: (query: number, found: readonly Line[]) => {
      shown = { query, found };
      draw();
    },
  };
}

function boxOf({ offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height }: HTMLElement): Box {
  return { left, top, width, height };
}

type Point = readonly [number, number];

/** A curve from the top of the query: over the words to a token on the same line, else to the foot of a token on another line. */
export function curve(from: Box, to: Box): Point[] {
  const [x0, x1] = [from.left + from.width / 2, to.left + to.width / 2];
  if (Math.abs(from.top - to.top) < Math.min(from.height, to.height) / 2) {
    const lift = Math.min(LANE, 5 + Math.abs(x1 - x0) * 0.05) / 0.75;
    return bezier([x0, from.top], [x0, from.top - lift], [x1, to.top - lift], [x1, to.top]);
  }
  const above = to.top < from.top;
  const y0 = above ? from.top : from.top + from.height;
  const y1 = above ? to.top + to.height : to.top;
  const middle = (y0 + y1) / 2;
  return bezier([x0, y0], [x0, middle], [x1, middle], [x1, y1]);
}

/** A loop from a token to itself. */
export function loop({ left, top, width }: Box): Point[] {
  const x = left + width / 2;
  const half = Math.min(LOOP, width) / 2;
  const lift = (LANE - 3) / 0.75;
  return bezier([x - half, top], [x - half, top - lift], [x + half, top - lift], [x + half, top]);
}

function bezier(a: Point, b: Point, c: Point, d: Point): Point[] {
  return Array.from({ length: POINTS + 1 }, (_, i) => {
    const t = i / POINTS;
    const u = 1 - t;
    const at = (k: 0 | 1) => u ** 3 * a[k] + 3 * u * u * t * b[k] + 3 * u * t * t * c[k] + t ** 3 * d[k];
    return [round(at(0)), round(at(1))] as const;
  });
}

function round(x: number): number {
  return Math.round(x * 10) / 10;
}
