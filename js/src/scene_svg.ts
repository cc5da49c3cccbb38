// Paints a scene as SVG.

import { setAttributes, svg } from "./dom";
import type { Mark, Scene } from "./scene";
import { MONO, SANS } from "./scene";

const scenes = new WeakMap<SVGSVGElement, Scene>();

/** What an SVG element was painted with. */
export function sceneOf(target: SVGSVGElement): Scene | undefined {
  return scenes.get(target);
}

/** Replaces what the SVG element shows. Colours may be CSS variables: the theme then changes them without a redraw. */
export function paintSvg(target: SVGSVGElement, scene: Scene): void {
  scenes.set(target, scene);
  setAttributes(target, { width: scene.width, height: scene.height, viewBox: `0 0 ${scene.width} ${scene.height}` });
  target.replaceChildren(...scene.marks.map(clipped));
}

/** A drawing within the drawing cuts off what is outside of it, and needs no id that may be there twice. */
function clipped(mark: Mark): SVGElement {
  if (!mark.clip) return paint(mark);
  const [x, y, width, height] = mark.clip;
  const window = svg("svg", { x, y, width, height, viewBox: `${x} ${y} ${width} ${height}` });
  window.append(paint(mark));
  return window;
}

/** The scene as the text of a file that stands alone: `resolve` turns CSS colours into what every reader of SVG knows. */
export function svgText(scene: Scene, resolve: (color: string) => string): string {
  const known = (color: string | undefined) => (color === undefined ? undefined : resolve(color));
  const marks = scene.marks.map((mark) => {
    const [fill, stroke] = [known(mark.fill), known(mark.stroke)];
    const colored = { ...mark, ...(fill ? { fill } : {}), ...(stroke ? { stroke } : {}) };
    return colored.kind === "text" ? { ...colored, text: printable(colored.text) } : colored;
  });
  const drawing = svg("svg");
  paintSvg(drawing, { ...scene, marks });
  return new XMLSerializer().serializeToString(drawing);
}

/** XML has no way to write control characters and halves of a pair. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is meant
  return text.replace(/[\p{Surrogate}\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu, "\ufffd");
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
    case "image":
      return svg("image", {
        x: mark.x,
        y: mark.y,
        width: mark.w,
        height: mark.h,
        preserveAspectRatio: "none",
        style: "image-rendering: pixelated",
        href: mark.source.toDataURL("image/png"),
      });
    case "text": {
      const text = svg("text", {
        x: mark.x,
        y: mark.y,
        "font-family": mark.mono ? MONO : SANS,
        "font-size": mark.size ?? 12,
        "font-weight": mark.bold ? 600 : null,
        "text-anchor": mark.align ?? "start",
        "xml:space": "preserve",
        ...style,
      });
      text.textContent = mark.max ? shortened(mark.text, mark.max / ((mark.size ?? 12) * 0.61)) : mark.text;
      return text;
    }
  }
}

/** SVG cannot measure before it is shown; monospaced text needs no measuring. */
function shortened(text: string, characters: number): string {
  const letters = Array.from(text);
  return letters.length <= characters ? text : `${letters.slice(0, Math.max(1, Math.floor(characters) - 1)).join("")}…`;
}
