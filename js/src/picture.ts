// The picture of a view, as it stands on the page: a PNG, or an SVG in which text is text (a canvas stays a raster in it).

import { capture } from "./capture";
import type { Scene } from "./scene";
import { paintCanvas } from "./scene_canvas";
import { svgText } from "./scene_svg";
import { resolveColor } from "./theme";

/** Pixels per unit in a PNG: sharp on paper and on dense screens. */
const PNG_RATIO = 2;

export async function pngOf(root: HTMLElement): Promise<Blob> {
  const canvas = paintCanvas(onPaper(capture(root)), PNG_RATIO, resolver(root));
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("the browser made no picture, it may be too large");
  return blob;
}

export function svgOf(root: HTMLElement): Blob {
  const resolve = resolver(root);
  return new Blob([svgText(onPaper(capture(root)), (color) => plain(resolve(color)))], { type: "image/svg+xml" });
}

function onPaper(scene: Scene): Scene {
  const paper = { kind: "rect", x: 0, y: 0, w: scene.width, h: scene.height, fill: "var(--tb-surface)" } as const;
  return { ...scene, marks: [paper, ...scene.marks] };
}

/** CSS colours as the browser computes them here, each worked out once. */
function resolver(root: HTMLElement): (color: string) => string {
  const known = new Map<string, string>();
  return (color) => {
    const resolved = known.get(color) ?? resolveColor(root, color);
    known.set(color, resolved);
    return resolved;
  };
}

/** What a browser computes of mixed colours ("color(srgb 0.5 0.5 0.5 / 0.7)") is news to other programs: as rgb. */
export function plain(color: string): string {
  const found = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.]+))?\)$/.exec(color);
  if (!found) return color;
  const [red, green, blue] = found.slice(1, 4).map((part) => Math.round(255 * Number(part)));
  return found[4] === undefined ? `rgb(${red}, ${green}, ${blue})` : `rgba(${red}, ${green}, ${blue}, ${found[4]})`;
}
