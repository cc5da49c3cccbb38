// The view's picture: what the page's text and boxes are, and the canvases where they stand.

import { capture } from "../capture";
import { element } from "../dom";
import { MONO } from "../scene";
import { paintCanvas } from "../scene_canvas";
import { resolveColor } from "../theme";

const RATIO = 2;

export async function savePicture(root: HTMLElement, name: string): Promise<void> {
  // In the picture nothing scrolls; `capture` puts this back for itself, and the canvases have to stand where it saw them.
  const scrolling = [...root.querySelectorAll<HTMLElement>('[data-capture="whole"]')];
  for (const el of scrolling) el.style.maxHeight = "none";
  const scene = capture(root);
  for (const el of scrolling) el.style.maxHeight = "none";
  const paper = { kind: "rect", x: 0, y: 0, w: scene.width, h: scene.height, fill: "var(--tb-surface)" } as const;
  const origin = root.getBoundingClientRect();
  const margin = (scene.width - origin.width) / 2;
  const resolve = (color: string) => resolveColor(root, color);
  const drawings = [...root.querySelectorAll("canvas")];
  const boxes = drawings.map((drawing) => drawing.getBoundingClientRect());
  const picture = paintCanvas({ ...scene, marks: [paper, ...scene.marks] }, RATIO, resolve);
  const context = picture.getContext("2d");
  context?.setTransform(RATIO, 0, 0, RATIO, 0, 0);
  drawings.forEach((drawing, i) => {
    const { left, top, width, height } = boxes[i] as DOMRect;
    context?.drawImage(drawing, left - origin.left + margin, top - origin.top + margin, width, height);
  });
  for (const label of root.querySelectorAll<HTMLElement>(".tb-att-key:not([data-bare])")) {
    const box = label.getBoundingClientRect();
    const at = { x: box.left + box.width / 2 - origin.left + margin, y: box.bottom - origin.top + margin };
    if (context) upwards(context, label, at, box.height);
  }
  // The outlines of what is selected lie above the maps, as on the page.
  const outlines = scene.marks.filter((mark) => mark.kind === "rect" && !mark.fill);
  context?.setTransform(1, 0, 0, 1, 0, 0);
  context?.drawImage(paintCanvas({ ...scene, marks: outlines }, RATIO, resolve), 0, 0);
  for (const el of scrolling) el.style.maxHeight = "";
  const blob = await new Promise<Blob | null>((done) => picture.toBlob(done, "image/png"));
  if (!blob) throw new Error("the browser made no picture, it may be too large");
  save(`${name}.png`, blob);
}

/** Text that runs from the bottom to the top, which `capture` does not know. */
function upwards(context: CanvasRenderingContext2D, label: HTMLElement, { x, y }: { x: number; y: number }, room: number) {
  const { color, fontWeight, fontSize } = getComputedStyle(label);
  context.save();
  context.translate(x, y);
  context.rotate(-Math.PI / 2);
  context.beginPath();
  context.rect(0, -x, room, 2 * x);
  context.clip();
  context.fillStyle = color;
  context.font = `${fontWeight} ${fontSize} ${MONO}`;
  context.textBaseline = "middle";
  context.fillText(label.textContent ?? "", 0, 0);
  context.restore();
}

export function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
