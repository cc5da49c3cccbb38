// The legend of the tint: its colours, with numbers at their square roots.

import { paintSvg } from "../picture/scene_svg";
import { css, sequential } from "../ui/color";
import { element, svg } from "../ui/dom";
import { ifChanged } from "../ui/unchanged";
import { amount } from "./paint";
import type { Tint } from "./tint";

const WIDTH = 200;
const SHADES = 40;
const MARGIN = 16;
/** The ticks, as parts of the largest weight of the scale. */
const [WHOLE_TICKS, TICKS] = [
  [0, 0.01, 0.1, 0.5, 1],
  [0, 0.1, 0.5, 1],
];

export interface Legend {
  el: HTMLElement;
  /** The range of the scale. Both sentences are always laid out, so that nothing moves when the scale changes. */
  note: HTMLElement;
  update(tint: Tint, dark: boolean): void;
}

export interface Meaning {
  /** The name of the numbers: "attention weight". */
  what: string;
  /** The name of the largest number without position 0: "the largest weight in this row except position 0". */
  most: string;
}

export function legend({ what, most }: Meaning): Legend {
  const drawing = svg("svg", { role: "img", class: "tb-legend-scale" });
  const [all, rest] = [element("span", {}, "scale: 0 to 1"), element("span", {})];
  const draw = ifChanged((top: number, from: number, empty: boolean, dark: boolean) => {
    const whole = from === 0;
    if (!whole || !rest.textContent) {
      rest.textContent = empty ? "scale: only position 0 has weight in this row" : `scale: 0 to ${rough(top)}, ${most}`;
    }
    for (const each of [all, rest]) each.toggleAttribute("data-out", (each === all) !== whole);
    drawing.setAttribute("aria-label", `Square-root colour scale from 0 to ${whole ? "1" : rough(top)}`);
    const width = WIDTH / SHADES;
    const bars = Array.from({ length: SHADES }, (_, i) => ({
      kind: "rect" as const,
      x: MARGIN + i * width,
      y: 1,
      w: width + (i < SHADES - 1 ? 0.5 : 0),
      h: 9,
      fill: css(sequential((i + 0.5) / SHADES, dark)),
    }));
    const numbers = (whole ? WHOLE_TICKS : TICKS).map((part) => ({
      kind: "text" as const,
      x: MARGIN + amount(part) * WIDTH,
      y: 21,
      text: whole ? String(part) : rough(part * top),
      size: 11,
      align: "middle" as const,
      fill: "var(--tb-ink-3)",
    }));
    paintSvg(drawing, { width: WIDTH + 2 * MARGIN, height: 24, marks: [...bars, ...numbers] });
  });
  return {
    el: element("div", { class: "tb-legend tb-note" }, drawing, element("span", {}, `${what} (square-root colour scale)`)),
    note: element("span", { class: "tb-note tb-scale-note" }, all, rest),
    update: ({ top, from, empty }, dark) => draw(top, from, empty === true, dark),
  };
}

/** Two digits: weights arrive as bytes, so more digits would mean nothing. */
function rough(weight: number): string {
  return String(Number(weight.toPrecision(2)));
}
