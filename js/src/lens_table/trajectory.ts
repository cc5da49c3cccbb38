// The lines over the layers: the probability of the tokens in question at the selected position.

import { paintSvg } from "../picture/scene_svg";
import { stepAt } from "../selection";
import { isolated, token as tokenElement } from "../tokens";
import type { Text } from "../trace";
import { element, setAttributes, setSelected, svg, widthOf } from "../ui/dom";
import { probability, theLayer } from "../ui/format";
import { isBare, take } from "../ui/keys";
import { chart } from "./chart";
import type { Lens } from "./result";
import type { Series } from "./series";
import { series } from "./series";
import type { WatchField } from "./watch";

/** The drawing is high beside the table, and wide below it. */
const HEIGHT = { narrow: 310, wide: 240 };

const TITLE = "How did it rise over the layers?";

export interface TrajectoryView {
  el: HTMLElement;
  update(lens: Lens, layer: number | null, token: number): void;
}

export function trajectory(
  text: Text,
  onLayer: (layer: number) => void,
  watch: Pick<WatchField, "busy" | "forget"> | null,
  signal: AbortSignal,
): TrajectoryView {
  const title = element("h3", {}, TITLE);
  const where = element("span", { class: "tb-note" });
  const drawing = svg("svg", { class: "tb-chart", role: "slider", tabindex: 0, "aria-orientation": "horizontal" });
  const frame = element("div", { class: "tb-chart-frame" });
  frame.append(drawing);
  const table = element("table", { class: "tb-values" });
  const el = element("div", { class: "tb-trajectory" }, element("div", { class: "tb-head" }, title, where), frame, table);

  const hits = columns(drawing);
  let now: { lens: Lens; layer: number | null; token: number } | null = null;
  const draw = () => {
    if (!now) return;
    const { lens, layer, token } = now;
    const layers = lens.probs.numbers("layer");
    const all = series(lens, text, token);
    const step = stepAt(text, token);
    const leads = step === null ? null : (lens.answer_layers[step] ?? null);
    const width = Math.max(280, room() || 560);
    const made = chart(all, layers, { layer, leads }, { width, height: width < 600 ? HEIGHT.narrow : HEIGHT.wide });
    paintSvg(drawing, made.scene);
    setAttributes(drawing, sliderOf(all, layers, layer, leads));
    hits.place(layers, layer, made.x, made.plot);
    const piece = text.pieces[token];
    title.replaceChildren(...(step === null && piece ? ["What would come after ", tokenElement(piece), "?"] : [TITLE]));
    where.replaceChildren(
      `position ${token}: `,
      piece ? tokenElement(piece) : "",
      step === null ? "" : ` · predicts step ${step}`,
    );
    table.replaceChildren(...rows(all, layers, layer, watch));
  };

  const room = widthOf(frame, draw, signal);

  drawing.addEventListener(
    "click",
    (event) => {
      const layer = (event.target as SVGElement).dataset.layer;
      if (layer !== undefined) onLayer(Number(layer));
    },
    { signal },
  );
  drawing.addEventListener(
    "keydown",
    (event) => {
      const layers = now?.lens.probs.numbers("layer") ?? [];
      const to = nextLayer(event.key, layers, now?.layer ?? null);
      if (to === null || !isBare(event)) return;
      take(event);
      onLayer(to);
    },
    { signal },
  );
  return {
    el,
    update: (lens, layer, token) => {
      now = { lens, layer, token };
      draw();
    },
  };
}

/** Invisible columns over the drawing, so that the pointer can reach each layer. */
function columns(drawing: SVGSVGElement) {
  const made = new Map<number, SVGElement>();
  const column = (layer: number) => {
    const rect = svg("rect", { fill: "transparent", "data-layer": layer });
    const name = svg("title");
    name.textContent = `after ${theLayer(layer)}`;
    rect.append(name);
    drawing.append(rect);
    return rect;
  };
  return {
    place: (
      layers: readonly number[],
      selected: number | null,
      x: (layer: number) => number,
      plot: { top: number; bottom: number },
    ) => {
      const width = layers.length > 1 ? x(layers[1] ?? 0) - x(layers[0] ?? 0) : 20;
      for (const layer of layers) {
        const rect = made.get(layer) ?? column(layer);
        made.set(layer, rect);
        setAttributes(rect, { x: x(layer) - width / 2, y: plot.top, width, height: plot.bottom - plot.top });
        setSelected(rect, layer === selected);
      }
    },
  };
}

function rows(
  all: readonly Series[],
  layers: readonly number[],
  layer: number | null,
  watch: Pick<WatchField, "busy" | "forget"> | null,
): HTMLElement[] {
  const heads = ["token", ...(layer === null ? [] : [`after ${theLayer(layer)}`]), "after the last layer"];
  const head = element("thead", {}, element("tr", {}, ...heads.map((name) => element("th", { scope: "col" }, name))));
  const body = all.map(({ id, piece, values, color, dash, width, realised, watched }) => {
    const name = element("div", { class: "tb-values-name" }, swatch(color, dash, width), tokenElement(piece));
    if (realised) name.append(element("span", { class: "tb-tag" }, "came next"));
    if (watched) name.append(element("span", { class: "tb-tag" }, "watched"));
    if (watched && watch) name.append(forgetButton(id, piece[1], watch));
    const shown = [...(layer === null ? [] : [values[layers.indexOf(layer)] ?? Number.NaN]), values.at(-1) ?? Number.NaN];
    return element("tr", {}, element("th", { scope: "row" }, name), ...shown.map((p) => element("td", {}, probability(p))));
  });
  return [head, element("tbody", {}, ...body)];
}

function forgetButton(id: number, display: string, watch: Pick<WatchField, "busy" | "forget">): HTMLElement {
  const name = `Stop watching ${display}`;
  const button = element("button", { class: "tb-forget", type: "button", "aria-label": name, disabled: watch.busy }, "×");
  button.addEventListener("click", () => watch.forget(id));
  return button;
}

function swatch(color: string, dash: readonly number[], width: number): SVGElement {
  const drawing = svg("svg", { class: "tb-swatch", "aria-hidden": "true" });
  paintSvg(drawing, {
    width: 34,
    height: 8,
    marks: [
      {
        kind: "line",
        points: [
          [0, 4],
          [34, 4],
        ],
        stroke: color,
        width,
        dash,
      },
    ],
  });
  return drawing;
}

/** The layer that a slider key leads to, not past the ends; null for other keys. */
function nextLayer(key: string, layers: readonly number[], layer: number | null): number | null {
  const end = layers.length - 1;
  const at = layer === null ? end : layers.indexOf(layer);
  const left = Math.max(0, layer === null ? end : at - 1);
  const right = Math.min(end, at + 1);
  const to = { ArrowLeft: left, ArrowDown: left, ArrowRight: right, ArrowUp: right, Home: 0, End: end }[key];
  return to === undefined ? null : (layers[to] ?? null);
}

/** Makes the drawing a slider over the layers for screen readers; its value says the probabilities at the layer. */
function sliderOf(all: readonly Series[], layers: readonly number[], layer: number | null, leads: number | null) {
  const at = layer ?? layers.at(-1) ?? 0;
  const values = all.map(({ piece, values }) => `${isolated(piece[1])} ${probability(values[layers.indexOf(at)] ?? Number.NaN)}`);
  return {
    "aria-label": `Probability over the layers.${leads === null ? "" : ` The answer is the top choice from ${theLayer(leads)}.`}`,
    "aria-valuemin": layers[0],
    "aria-valuemax": layers.at(-1),
    "aria-valuenow": at,
    "aria-valuetext": `after ${layer === null ? "the last layer" : theLayer(at)}: ${values.join(", ")}`,
  };
}
