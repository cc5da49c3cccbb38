// Paints a scene as SVG.

import { setAttributes, svg } from "../ui/dom";
import type { Mark, Scene } from "./scene";
import { MONO, SANS } from "./scene";

const scenes = new WeakMap<SVGSVGElement, Scene>();
/** The marks in an SVG element, as text; null for an image, whose content may change. */
const painted = new WeakMap<SVGSVGElement, (string | null)[]>();

/** The scene that an SVG element shows. */
export function sceneOf(target: SVGSVGElement): Scene | undefined {
  return scenes.get(target);
}

/**
 * Shows a scene in an SVG element; children after the marks stay. Colours may be CSS variables, which follow the theme without
 * a redraw. Replaces only marks that changed: from step to step most stay the same.
 */
export function paintSvg(target: SVGSVGElement, scene: Scene): void {
  const before = painted.get(target) ?? [];
  const now = scene.marks.map((mark) => (mark.kind === "image" ? null : JSON.stringify(mark)));
  scenes.set(target, scene);
  painted.set(target, now);
  const { width, height } = scene;
  setAttributes(target, { width, height, viewBox: `0 0 ${width} ${height}` });
  const there = [...target.children].slice(0, before.length);
  scene.marks.forEach((mark, i) => {
    const old = there[i];
    if (old && now[i] !== null && now[i] === before[i]) return;
    const made = mark.clip ? cut(paint(mark), mark.clip) : paint(mark);
    if (old) old.replaceWith(made);
    else target.insertBefore(made, target.children[i] ?? null);
  });
  for (const old of there.slice(now.length)) old.remove();
}

/** Clips a mark with a nested `svg` element, which needs no id. */
function cut(painted: SVGElement, [x, y, width, height]: NonNullable<Mark["clip"]>): SVGElement {
  const frame = svg("svg", { x, y, width, height, viewBox: `${x} ${y} ${width} ${height}`, overflow: "hidden" });
  frame.append(painted);
  return frame;
}

function paint(mark: Mark): SVGElement {
  const style = {
    fill: mark.fill ?? "none",
    stroke: mark.stroke,
    "stroke-width": mark.stroke ? (mark.width ?? 1) : null,
    "stroke-dasharray": mark.dash?.join(" "),
    opacity: mark.opacity,
  };
  switch (mark.kind) {
    case "rect":
      return svg("rect", { x: mark.x, y: mark.y, width: mark.w, height: mark.h, rx: mark.radius, ...style });
    case "line":
      return svg("polyline", {
        points: mark.points.map((point) => point.join(",")).join(" "),
        "stroke-linejoin": "round",
        ...style,
      });
    case "circle":
      return svg("circle", { cx: mark.x, cy: mark.y, r: mark.r, ...style });
    case "image": {
      const place = { x: mark.x, y: mark.y, width: mark.w, height: mark.h, opacity: mark.opacity };
      const href = mark.source.toDataURL("image/png");
      return svg("image", { href, preserveAspectRatio: "none", style: "image-rendering: pixelated", ...place });
    }
    case "text": {
      const text = svg("text", {
        x: mark.x,
        y: mark.y,
        "font-family": mark.mono ? MONO : SANS,
        "font-size": mark.size ?? 12,
        "font-weight": mark.bold ? 600 : null,
        "text-anchor": mark.align ?? "start",
        "xml:space": "preserve",
        transform: mark.turned ? `rotate(-90 ${mark.x} ${mark.y})` : null,
        ...style,
      });
      text.textContent = mark.max ? shortened(mark.text, mark.max / ((mark.size ?? 12) * 0.61)) : mark.text;
      return text;
    }
  }
}

/** SVG cannot measure text before it is shown; monospaced text needs no measuring. */
function shortened(text: string, characters: number): string {
  const letters = Array.from(text);
  return letters.length <= characters ? text : `${letters.slice(0, Math.max(1, Math.floor(characters) - 1)).join("")}…`;
}
