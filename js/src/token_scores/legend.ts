// The legend of the tint: its colours, numbers and unit, and the meaning of each end.

import { paintSvg } from "../picture/scene_svg";
import { css, diverging } from "../ui/color";
import { element, svg } from "../ui/dom";
import type { Scores } from "./result";
import { rowOf } from "./result";
import { directions, scaleName, signed } from "./words";

const WIDTH = 150;
const SHADES = 31;
const MARGIN = 26;

export function legend(scores: Scores): { el: HTMLElement; update(step: number, dark: boolean): void } {
  const { above, below } = directions(scores.target);
  const drawing = svg("svg", { role: "img", class: "tb-legend-scale" });
  const el = element(
    "div",
    { class: "tb-legend tb-note" },
    element("span", { class: "tb-below" }, `− ${below}`),
    drawing,
    element("span", { class: "tb-above" }, `+ ${above}`),
    element("span", {}, scaleName(scores)),
  );
  return {
    el,
    update: (step, dark) => {
      const { widest } = rowOf(scores, step);
      const [low, high] = [signed(-widest, widest), signed(widest, widest)];
      drawing.setAttribute("aria-label", `From ${low} ${scores.unit} (${below}) to ${high} ${scores.unit} (${above})`);
      const shade = WIDTH / SHADES;
      const bars = Array.from({ length: SHADES }, (_, i) => ({
        kind: "rect" as const,
        x: MARGIN + i * shade,
        y: 1,
        w: shade + 0.5,
        h: 9,
        fill: css(diverging((2 * (i + 0.5)) / SHADES - 1, dark)),
      }));
      const numbers = [low, "0", high].map((text, i) => ({
        kind: "text" as const,
        x: MARGIN + (i * WIDTH) / 2,
        y: 21,
        text,
        size: 11,
        align: "middle" as const,
        fill: "var(--tb-ink-3)",
      }));
      paintSvg(drawing, { width: WIDTH + 2 * MARGIN, height: 24, marks: [...bars, ...numbers] });
    },
  };
}
