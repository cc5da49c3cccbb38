// Paints weights as pixels. Colours follow the square root of the weight: most weights are small, and would all look the same.

import { sequential } from "../ui/color";
import { rowStart } from "./triangle";

const SHADES = 256;

/** How strong the tint of a weight is. */
export function amount(weight: number): number {
  return Math.sqrt(Math.max(0, weight));
}

/** All shades as pixels, by the square root of the weight; a weight of `top` or more is darkest. */
export function palette(dark: boolean, top = 1): Uint32Array {
  const pixels = new Uint32Array(SHADES);
  const bytes = new Uint8Array(pixels.buffer);
  for (let shade = 0; shade < SHADES; shade++) {
    bytes.set([...sequential(Math.min(1, shade / (SHADES - 1) / amount(top)), dark), 255], 4 * shade);
  }
  return pixels;
}

export interface Sheet {
  pixels: Uint32Array;
  width: number;
}

export interface Box {
  x: number;
  y: number;
  size: number;
}

/**
 * Paints a causal map into a square box; pixels after the query stay empty. Where cells share a pixel, the largest weight
 * counts.
 */
export function paintMap({ pixels, width }: Sheet, { x, y, size }: Box, map: Float32Array, length: number, shades: Uint32Array) {
  for (let row = 0; row < size; row++) {
    const [q0, q1] = span(row, size, length);
    for (let column = 0; column < size; column++) {
      const [k0, k1] = span(column, size, length);
      if (k0 > q1 - 1) break;
      let most = 0;
      for (let q = q0; q < q1; q++) {
        const start = rowStart(q);
        for (let k = k0; k < Math.min(k1, q + 1); k++) most = Math.max(most, map[start + k] as number);
      }
      pixels[(y + row) * width + x + column] = shade(most, shades);
    }
  }
}

export interface Room {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Paints rows of weights into a box of `columns` cells. Where cells share a pixel, the largest weight counts. */
export function paintCells(
  { pixels, width }: Sheet,
  box: Room,
  rows: readonly Float32Array[],
  { columns, from, shades }: { columns: number; from: number; shades: Uint32Array },
) {
  // The first and the last cell under each pixel of a line.
  const [starts, ends] = [new Int32Array(box.width), new Int32Array(box.width)];
  for (let column = 0; column < box.width; column++) {
    const [first, end] = span(column, box.width, columns);
    starts[column] = Math.max(from, first);
    ends[column] = end;
  }
  let before = [-1, -1];
  for (let line = 0; line < box.height; line++) {
    const [r0, r1] = span(line, box.height, rows.length);
    const start = (box.y + line) * width + box.x;
    if (r0 === before[0] && r1 === before[1]) {
      pixels.copyWithin(start, start - width, start - width + box.width);
      continue;
    }
    before = [r0, r1];
    for (let column = 0; column < box.width; column++) {
      let most = -1;
      for (let r = r0; r < r1; r++) {
        const row = rows[r] as Float32Array;
        const end = Math.min(ends[column] as number, row.length);
        for (let k = starts[column] as number; k < end; k++) {
          const weight = row[k] as number;
          if (weight > most) most = weight;
        }
      }
      if (most >= 0) pixels[start + column] = shade(most, shades);
    }
  }
}

/** The range of cells under one pixel: at least one cell. */
function span(pixel: number, size: number, length: number): [number, number] {
  const first = Math.floor((pixel * length) / size);
  return [first, Math.max(first + 1, Math.floor(((pixel + 1) * length) / size))];
}

function shade(weight: number, shades: Uint32Array): number {
  return shades[Math.round(amount(weight) * (SHADES - 1))] as number;
}

/** Draws on a canvas of `width` x `height` CSS pixels, one canvas pixel for each pixel of the screen. */
export function draw(canvas: HTMLCanvasElement, width: number, height: number, ratio: number, paint: (sheet: Sheet) => void) {
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  // A new size would clear and allocate the canvas. Skip that: every pixel is painted below.
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  const pixels = new Uint32Array(w * h);
  paint({ pixels, width: w });
  context.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), w, h), 0, 0);
}
