// The legend of the tint: its colours, numbers and unit.

import type { Scene } from "../picture/scene";
import { paintSvg } from "../picture/scene_svg";
import { css, sequential } from "../ui/color";
import { element, svg } from "../ui/dom";
import type { Mode } from "./modes";

const WIDTH = 140;
const SHADES = 28;

export function legend(): { el: HTMLElement; update(mode: Mode, dark: boolean): void } {
  const drawing = svg("svg", { role: "img", class: "tb-legend-scale" });
  const meaning = element("span", {});
  const el = element("div", { class: "tb-legend tb-note" }, drawing, meaning);
  return {
    el,
    update: (mode, dark) => {
      paintSvg(drawing, scale(mode, dark));
      drawing.setAttribute("aria-label", `From 0 to ${mode.max}${mode.beyond ? " or more" : ""}`);
      meaning.textContent = mode.meaning;
    },
  };
}

function scale(mode: Mode, dark: boolean): Scene {
  const shade = WIDTH / SHADES;
  const bars = Array.from({ length: SHADES }, (_, i) => ({
    kind: "rect" as const,
    x: 10 + i * shade,
    y: 1,
    w: shade + 0.5,
    h: 9,
    fill: css(sequential((i + 0.5) / SHADES, dark)),
  }));
  const numbers = [0, 0.5, 1].map((share) => ({
    kind: "text" as const,
    x: 10 + share * WIDTH,
    y: 21,
    text: `${share === 1 && mode.beyond ? "≥" : ""}${Number((share * mode.max).toPrecision(3))}`,
    size: 11,
    align: "middle" as const,
    fill: "var(--tb-ink-3)",
  }));
  return { width: WIDTH + 30, height: 24, marks: [...bars, ...numbers] };
}
