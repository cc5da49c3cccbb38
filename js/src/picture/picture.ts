// Saves the picture of a view as a file: a PNG with pixels, or an SVG with shapes.

import { opaque } from "../ui/color";
import { svg } from "../ui/dom";
import { resolveColor } from "../ui/theme";
import { capture } from "./capture";
import type { Mark, Scene } from "./scene";
import { paintCanvas } from "./scene_canvas";
import { paintSvg } from "./scene_svg";

/** Pixels per unit in a PNG: sharp on paper and on dense screens. */
const PNG_RATIO = 2;

export async function pngOf(root: HTMLElement): Promise<Blob> {
  const canvas = paintCanvas(onPaper(root), PNG_RATIO, resolving(root));
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("the browser made no picture, it may be too large");
  return blob;
}

export function svgOf(root: HTMLElement): Blob {
  return new Blob([drawing(onPaper(root), resolving(root))], { type: "image/svg+xml" });
}

/** The text of an SVG file for a scene. Text stays text; a canvas becomes an embedded image. */
export function drawing(scene: Scene, resolve: (color: string) => string): string {
  const drawn = svg("svg", {});
  paintSvg(drawn, { ...scene, marks: scene.marks.map((mark) => printable(inPlainColors(mark, resolve))) });
  return new XMLSerializer().serializeToString(drawn);
}

/** Removes control characters and half surrogate pairs: XML cannot contain them. */
function printable(mark: Mark): Mark {
  if (mark.kind !== "text") return mark;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the regex matches control characters on purpose
  return { ...mark, text: mark.text.replace(/[\p{Surrogate}\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu, "\ufffd") };
}

function onPaper(root: HTMLElement): Scene {
  const scene = capture(root);
  const paper = { kind: "rect", x: 0, y: 0, w: scene.width, h: scene.height, fill: "var(--tb-surface)" } as const;
  return { ...scene, marks: [paper, ...scene.marks] };
}

function resolving(root: HTMLElement): (color: string) => string {
  const known = new Map<string, string>();
  return (color) => {
    const resolved = known.get(color) ?? resolveColor(root, color);
    known.set(color, resolved);
    return resolved;
  };
}

/** A colour as three numbers and an opacity: drawing programs know neither CSS variables nor newer colour functions. */
function inPlainColors(mark: Mark, resolve: (color: string) => string): Mark {
  const [fill, stroke] = [mark.fill, mark.stroke].map((color) => (color ? opaque(resolve(color)) : null));
  const alpha = (fill ?? stroke)?.alpha ?? 1;
  return {
    ...mark,
    ...(fill ? { fill: fill.color } : {}),
    ...(stroke ? { stroke: stroke.color } : {}),
    ...(alpha < 1 ? { opacity: (mark.opacity ?? 1) * alpha } : {}),
  };
}
