// A picture as data: a few kinds of marks. They are painted as SVG on the page, and on a canvas for a PNG, so the saved picture
// is the same as the page.

export interface Style {
  fill?: string;
  stroke?: string;
  width?: number;
  dash?: readonly number[];
  opacity?: number;
  /** Paints nothing outside of [x, y, width, height]. */
  clip?: readonly [number, number, number, number];
}

export type Mark =
  | ({ kind: "rect"; x: number; y: number; w: number; h: number; radius?: number } & Style)
  | ({ kind: "line"; points: readonly (readonly [number, number])[] } & Style)
  | ({ kind: "circle"; x: number; y: number; r: number } & Style)
  | ({ kind: "text"; x: number; y: number; text: string } & Style & TextStyle)
  | ({ kind: "image"; x: number; y: number; w: number; h: number; source: HTMLCanvasElement } & Style);

export interface TextStyle {
  size?: number;
  mono?: boolean;
  bold?: boolean;
  align?: "start" | "middle" | "end";
  /** Longer text ends in an ellipsis. */
  max?: number;
  /** The text runs upwards from (x, y). */
  turned?: boolean;
}

export interface Scene {
  width: number;
  height: number;
  marks: Mark[];
}

export const SANS = 'ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif';
export const MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';

/** The marks of a scene, moved by (dx, dy). */
export function moved(marks: readonly Mark[], dx: number, dy: number): Mark[] {
  return marks.map((mark) =>
    mark.kind === "line"
      ? { ...mark, points: mark.points.map(([x, y]) => [x + dx, y + dy] as const) }
      : { ...mark, x: mark.x + dx, y: mark.y + dy },
  );
}
