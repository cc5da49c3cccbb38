// Paints a scene on a canvas, for a PNG.

import type { Mark, Scene } from "./scene";
import { MONO, SANS } from "./scene";

/** A canvas with the scene at `ratio` pixels per unit. `resolve` turns a CSS colour into one that a canvas understands. */
export function paintCanvas(scene: Scene, ratio: number, resolve: (color: string) => string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(scene.width * ratio);
  canvas.height = Math.ceil(scene.height * ratio);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser gives no canvas to draw on.");
  context.scale(ratio, ratio);
  for (const mark of scene.marks) paint(context, mark, resolve);
  return canvas;
}

function paint(context: CanvasRenderingContext2D, mark: Mark, resolve: (color: string) => string): void {
  context.save();
  if (mark.clip) {
    context.beginPath();
    context.rect(...mark.clip);
    context.clip();
  }
  context.globalAlpha = mark.opacity ?? 1;
  context.fillStyle = mark.fill ? resolve(mark.fill) : "transparent";
  context.strokeStyle = mark.stroke ? resolve(mark.stroke) : "transparent";
  context.lineWidth = mark.width ?? 1;
  context.lineJoin = "round";
  context.setLineDash([...(mark.dash ?? [])]);
  if (mark.kind === "text") {
    context.font = `${mark.bold ? 600 : 400} ${mark.size ?? 12}px ${mark.mono ? MONO : SANS}`;
    context.textAlign = { start: "left", middle: "center", end: "right" }[mark.align ?? "start"] as CanvasTextAlign;
    context.direction = "ltr";
    context.translate(mark.x, mark.y);
    if (mark.turned) context.rotate(-Math.PI / 2);
    context.fillText(fitted(context, mark.text, mark.max ?? Number.POSITIVE_INFINITY), 0, 0);
  } else if (mark.kind === "image") {
    // Keep the cells of a map sharp.
    context.imageSmoothingEnabled = false;
    context.drawImage(mark.source, mark.x, mark.y, mark.w, mark.h);
  } else {
    context.beginPath();
    if (mark.kind === "rect") context.roundRect(mark.x, mark.y, mark.w, mark.h, mark.radius ?? 0);
    if (mark.kind === "circle") context.arc(mark.x, mark.y, mark.r, 0, 2 * Math.PI);
    if (mark.kind === "line") for (const [x, y] of mark.points) context.lineTo(x, y);
    if (mark.fill) context.fill();
    if (mark.stroke) context.stroke();
  }
  context.restore();
}

function fitted(context: CanvasRenderingContext2D, text: string, max: number): string {
  if (context.measureText(text).width <= max) return text;
  const letters = Array.from(text);
  while (letters.length > 1 && context.measureText(`${letters.join("")}…`).width > max) letters.pop();
  return `${letters.join("")}…`;
}
