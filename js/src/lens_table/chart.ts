// Draws the lines over the layers as a scene: axes, marks, lines, and labels that do not overlap.

import type { Mark, Scene } from "../picture/scene";
import { isolated } from "../tokens";
import { layerName, probability, theLayer } from "../ui/format";
import { linear, ticks } from "../ui/scale";
import { spread } from "../ui/spread";
import type { Series } from "./series";

export interface Chart {
  scene: Scene;
  /** The place of a layer, for elements above the drawing. */
  x: (layer: number) => number;
  plot: { left: number; right: number; top: number; bottom: number };
}

const MONO_ADVANCE = 7.3;
/** The width of a character of small sans text, a little more than the mean. */
const SANS_ADVANCE = 6;
const LABEL_GAP = 15;

export function chart(
  all: readonly Series[],
  layers: readonly number[],
  marked: { layer: number | null; leads: number | null },
  size: { width: number; height: number },
): Chart {
  const first = layers[0] ?? 0;
  const last = layers.at(-1) ?? 0;
  const longest = Math.max(4, ...all.map(({ piece }) => Array.from(piece[1]).length));
  const labels = Math.min(Math.max(96, (longest + 7) * MONO_ADVANCE + 22), size.width * 0.36);
  // The mark of the lead has its own line above the plot, under the name of the axis.
  const top = marked.leads === null ? 24 : 38;
  const plot = { left: 34, right: size.width - labels, top, bottom: size.height - 34 };
  const x = linear([first, last], [plot.left, plot.right]);
  // The same scale at every position, so that positions can be compared.
  const y = linear([0, 1], [plot.bottom, plot.top]);
  const marks: Mark[] = [
    ...axes(layers, x, y, plot, marked.layer),
    ...(marked.leads === null ? [] : leadMark(marked.leads, x, plot, size.width)),
    ...(marked.layer === null ? [] : layerMark(marked.layer, x, plot)),
  ];
  // Coloured lines lie on top.
  const order = [...all].sort((a, b) => a.width - b.width);
  for (const one of order) marks.push(line(one, layers, x, y));
  if (marked.layer !== null) for (const one of order) marks.push(...dot(one, layers, marked.layer, x, y));
  marks.push(...endLabels(all, x(last), y, plot, labels - 22));
  return { scene: { ...size, marks }, x, plot };
}

type Plot = Chart["plot"];
type Place = (value: number) => number;

function axes(layers: readonly number[], x: Place, y: Place, plot: Plot, selected: number | null): Mark[] {
  const text = { kind: "text", size: 11, fill: "var(--tb-ink-3)" } as const;
  const marks: Mark[] = [{ ...text, x: plot.left - 28, y: 12, text: "probability" }];
  for (const value of [0, 0.25, 0.5, 0.75, 1]) {
    marks.push({
      kind: "line",
      points: [
        [plot.left, y(value)],
        [plot.right, y(value)],
      ],
      stroke: "var(--tb-line)",
    });
    if (value % 0.5 === 0) marks.push({ ...text, x: plot.left - 6, y: y(value) + 4, text: String(value), align: "end" });
  }
  const first = layers[0] ?? 0;
  const last = layers.at(-1) ?? 0;
  const room = (x(last) - x(first)) / 38;
  const named = [first, ...ticks(Math.max(0, first), last, Math.max(1, room), true), last];
  const spaced = selected === null ? 26 : 22;
  const shown = [...new Set(named)].filter(
    (layer) => layer === first || layer === last || (x(layer) - x(first) > 34 && x(last) - x(layer) > spaced),
  );
  for (const layer of shown) {
    if (selected !== null && selected !== layer && Math.abs(x(layer) - x(selected)) < 26) continue;
    if (layer !== selected) marks.push({ ...text, x: x(layer), y: plot.bottom + 15, text: layerName(layer), align: "middle" });
  }
  marks.push({ ...text, x: (plot.left + plot.right) / 2, y: plot.bottom + 30, text: "layer", align: "middle" });
  return marks;
}

function layerMark(layer: number, x: Place, plot: Plot): Mark[] {
  const at = x(layer);
  return [
    {
      kind: "line",
      points: [
        [at, plot.top],
        [at, plot.bottom],
      ],
      stroke: "var(--tb-accent)",
      width: 1.5,
    },
    {
      kind: "text",
      x: at,
      y: plot.bottom + 15,
      text: layerName(layer),
      size: 11,
      bold: true,
      align: "middle",
      fill: "var(--tb-accent)",
    },
  ];
}

function leadMark(layer: number, x: Place, plot: Plot, width: number): Mark[] {
  const at = x(layer);
  const text = `top choice from ${theLayer(layer)}`;
  const left = at + 5 + text.length * SANS_ADVANCE > width;
  return [
    {
      kind: "line",
      points: [
        [at, plot.top - 16],
        [at, plot.bottom],
      ],
      stroke: "var(--tb-ink-2)",
      dash: [3, 3],
    },
    {
      kind: "text",
      x: at + (left ? -5 : 5),
      y: plot.top - 8,
      text,
      size: 11,
      align: left ? "end" : "start",
      fill: "var(--tb-ink-2)",
    },
  ];
}

function line({ values, color, width, dash }: Series, layers: readonly number[], x: Place, y: Place): Mark {
  const points = layers.map((layer, i) => [x(layer), y(values[i] ?? 0)] as const).filter(([, at]) => Number.isFinite(at));
  return { kind: "line", points, stroke: color, width, dash };
}

function dot({ values, color }: Series, layers: readonly number[], layer: number, x: Place, y: Place): Mark[] {
  const value = values[layers.indexOf(layer)] ?? Number.NaN;
  return Number.isNaN(value)
    ? []
    : [{ kind: "circle", x: x(layer), y: y(value), r: 3, fill: color, stroke: "var(--tb-surface)" }];
}

/** Labels with name and value at the ends of the lines. They are moved apart where they would touch, and tied to their lines. */
function endLabels(all: readonly Series[], end: number, y: Place, plot: Plot, room: number): Mark[] {
  const ends = all.map(({ values }) => y(values.at(-1) ?? 0));
  const places = spread(ends, LABEL_GAP, plot.top, plot.bottom + 4);
  return all.flatMap(({ piece, values, color, realised, watched }, i): Mark[] => {
    const at = places[i] ?? 0;
    const value = probability(values.at(-1) ?? 0);
    const name = fitted(piece[1], room / MONO_ADVANCE - value.length - 1);
    return [
      {
        kind: "line",
        points: [
          [end + 2, ends[i] ?? 0],
          [end + 16, at],
        ],
        stroke: color,
        opacity: 0.6,
      },
      {
        kind: "text",
        x: end + 20,
        y: at + 4,
        text: `${isolated(name)} ${value}`,
        size: 12,
        mono: true,
        bold: realised,
        fill: realised || watched ? color : "var(--tb-ink-2)",
      },
    ];
  });
}

function fitted(text: string, characters: number): string {
  const letters = Array.from(text);
  return letters.length <= characters ? text : `${letters.slice(0, Math.max(1, Math.floor(characters) - 1)).join("")}…`;
}
