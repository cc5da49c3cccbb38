// A linear scale and its ticks.

export interface Scale {
  (value: number): number;
  invert(pixel: number): number;
}

export function linear([d0, d1]: readonly [number, number], [r0, r1]: readonly [number, number]): Scale {
  const slope = d1 === d0 ? 0 : (r1 - r0) / (d1 - d0);
  const scale = (value: number) => r0 + (value - d0) * slope;
  return Object.assign(scale, { invert: (pixel: number) => (slope === 0 ? d0 : d0 + (pixel - r0) / slope) });
}

/** Round numbers within [start, stop], about `count` of them; whole numbers where `whole`. */
export function ticks(start: number, stop: number, count: number, whole = false): number[] {
  if (!(stop > start)) return [start];
  const raw = (stop - start) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) ?? 10) * power;
  const size = whole ? Math.max(1, Math.round(step)) : step;
  const first = Math.ceil(start / size - 1e-9);
  const last = Math.floor(stop / size + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * size).toPrecision(12)));
}

/** The smallest round number at or above the value: the end of an axis. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((each) => each * power >= value * 0.999999) ?? 10;
  return Number((factor * power).toPrecision(3));
}
