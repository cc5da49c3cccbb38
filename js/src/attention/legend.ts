// The scale of the tint: its colours with numbers, which stand at the square roots.

import { css, sequential } from "../color";
import { element, svg } from "../dom";
import { paintSvg } from "../scene_svg";
import { amount } from "./paint";

const WIDTH = 200;
const SHADES = 40;
const MARGIN = 8;
const TICKS = [0, 0.01, 0.1, 0.5, 1];

export function legend(): { el: HTMLElement; update(dark: boolean): void } {
  const drawing = svg("svg", { role: "img", class: "tb-legend-scale", "aria-label": "From 0 to 1, by the square root" });
  return {
    el: element("div", { class: "tb-legend tb-note" }, drawing, element("span", {}, "of the attention, by its square root")),
    update: (dark) => {
      const width = WIDTH / SHADES;
      const bars = Array.from({ length: SHADES }, (_, i) => ({
        kind: "rect" as const,
        x: MARGIN + i * width,
        y: 1,
        w: width + (i < SHADES - 1 ? 0.5 : 0),
        h: 9,
        fill: css(sequential((i + 0.5) / SHADES, dark)),
      }));
      const numbers = TICKS.map((weight) => ({
        kind: "text" as const,
        x: MARGIN + amount(weight) * WIDTH,
        y: 21,
        text: String(weight),
        size: 11,
        align: "middle" as const,
        fill: "var(--tb-ink-3)",
      }));
      paintSvg(drawing, { width: WIDTH + 2 * MARGIN, height: 24, marks: [...bars, ...numbers] });
    },
  };
}
