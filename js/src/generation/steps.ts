// The confidence of the model, step by step: a row of bars for the probability and one for the entropy, as an overview.

import type { Mark } from "../picture/scene";
import { paintSvg } from "../picture/scene_svg";
import type { Selection } from "../selection";
import { selectStep, tokenOf } from "../selection";
import { isolated } from "../tokens";
import type { Trace } from "../trace";
import { element, setSelected, svg, widthOf } from "../ui/dom";
import { nats, probability, withP } from "../ui/format";
import type { Scale } from "../ui/scale";
import { linear, roundUp, ticks } from "../ui/scale";
import { ifChanged } from "../ui/unchanged";
import { wasRead } from "./blocks";

const LEFT = 34;
const BAR_HEIGHT = 42;
/** The top of each row. */
const TOPS = [18, 84] as const;
const HEIGHT = 150;
/** The largest width of a step: a few steps do not fill the whole width. */
const WIDEST_STEP = 64;
const NARROWEST = 280;
/** A selected bar that is narrower gets a mark above it. */
const NARROW_STEP = 12;

export interface StepsView {
  el: HTMLElement;
  update(step: number | null): void;
}

export function steps(trace: Trace, selection: Selection, signal: AbortSignal): StepsView {
  const drawing = svg("svg", { class: "tb-steps-chart", role: "img" });
  const el = element("div", { class: "tb-steps", hidden: trace.steps < 2 });
  const widest = Math.max(NARROWEST, LEFT + 10 + trace.steps * WIDEST_STEP);
  el.style.inlineSize = `${widest}px`;
  el.append(drawing);
  let shown: number | null = null;
  let laid: { width: number; hits: readonly SVGElement[] } = { width: 0, hits: [] };
  const draw = () => {
    const room = el.hidden ? 0 : width();
    if (room > 0) drawIn(Math.max(NARROWEST, Math.min(room, widest)));
  };
  const width = widthOf(el, draw, signal);
  const drawIn = (width: number) => {
    const x = linear([0, trace.steps], [LEFT, width - 8]);
    paintSvg(drawing, { width, height: HEIGHT, marks: marks(trace, shown, x, width) });
    drawing.setAttribute("aria-label", `Probability of ${which(trace)} and entropy at every step. ${inWords(trace, shown)}`);
    if (laid.width !== width) {
      for (const hit of laid.hits) hit.remove();
      laid = { width, hits: hits(trace, x) };
      drawing.append(...laid.hits);
    }
    laid.hits.forEach((hit, step) => {
      setSelected(hit, step === shown);
    });
  };
  drawing.addEventListener(
    "click",
    (event) => {
      const step = (event.target as SVGElement).dataset.step;
      if (step !== undefined) selectStep(selection, trace, Number(step));
    },
    { signal },
  );
  return {
    el,
    update: ifChanged((step) => {
      shown = step;
      draw();
    }),
  };
}

function which(trace: Trace): string {
  return wasRead(trace) ? "the token that came next" : "the chosen token";
}

function inWords(trace: Trace, step: number | null): string {
  if (step === null) return "";
  const display = trace.pieces[tokenOf(trace, step)]?.[1] ?? "";
  return `step ${step} ${isolated(display)}: ${withP(trace.probs.at({ step }))}, entropy ${nats(trace.entropy.at({ step }))} nats`;
}

function marks(trace: Trace, step: number | null, x: Scale, width: number): Mark[] {
  const most = roundUp(Math.max(...trace.entropy.values));
  const out: Mark[] = [];
  out.push(
    ...row(trace, TOPS[0], `probability of ${which(trace)}`, 1, (s) => trace.probs.at({ step: s }), probability, step, x, width),
  );
  out.push(...row(trace, TOPS[1], "entropy, nats", most, (s) => trace.entropy.at({ step: s }), nats, step, x, width));
  const few = trace.steps * 30 <= width;
  const all = few ? Array.from({ length: trace.steps }, (_, i) => i) : ticks(0, trace.steps - 1, width / 60, true);
  const named = few || step === null ? all : [...all.filter((at) => Math.abs(x(at) - x(step)) > 28), step];
  for (const at of named) {
    const selected = at === step;
    out.push({
      kind: "text",
      x: x(at + 0.5),
      y: HEIGHT - 5,
      text: String(at),
      size: 11,
      align: "middle",
      bold: selected,
      fill: selected ? "var(--tb-accent)" : "var(--tb-ink-3)",
    });
  }
  if (step !== null && x(1) - x(0) < NARROW_STEP) out.push(...stepMark(x(step + 0.5)));
  out.push({ kind: "text", x: LEFT - 6, y: HEIGHT - 5, text: "step", size: 11, align: "end", fill: "var(--tb-ink-3)" });
  return out;
}

/** A line over the bars of both rows, down to the number of the step. */
function stepMark(at: number): Mark[] {
  return TOPS.flatMap((top): Mark[] => {
    const [y, h] = [top - 2, BAR_HEIGHT + (top === TOPS[1] ? 8 : 2)];
    return [
      { kind: "rect", x: at - 2, y, w: 4, h, fill: "var(--tb-surface)" },
      { kind: "rect", x: at - 1, y, w: 2, h, fill: "var(--tb-accent)" },
    ];
  });
}

function row(
  trace: Trace,
  top: number,
  title: string,
  most: number,
  value: (step: number) => number,
  written: (value: number) => string,
  step: number | null,
  x: Scale,
  width: number,
): Mark[] {
  const bottom = top + BAR_HEIGHT;
  const y = linear([0, most], [bottom, top]);
  const text = { kind: "text", size: 11, fill: "var(--tb-ink-3)" } as const;
  const bar = Math.max(1, (x(1) - x(0)) * (trace.steps > 120 ? 1 : 0.72));
  const band = { kind: "rect", y: top, h: BAR_HEIGHT, fill: "var(--tb-accent-soft)" } as const;
  const out: Mark[] = [
    ...(step === null ? [] : [{ ...band, x: x(step), w: Math.max(3, x(step + 1) - x(step)) }]),
    { ...text, x: LEFT, y: top - 5, text: title },
    { ...text, x: LEFT - 6, y: top + 8, text: String(most), align: "end" },
    { ...text, x: LEFT - 6, y: bottom + 1, text: "0", align: "end" },
    {
      kind: "line",
      points: [
        [LEFT, bottom + 0.5],
        [width - 8, bottom + 0.5],
      ],
      stroke: "var(--tb-line)",
    },
  ];
  if (step !== null)
    out.push({ ...text, x: width - 8, y: top - 5, text: written(value(step)), align: "end", bold: true, fill: "var(--tb-ink)" });
  for (let s = 0; s < trace.steps; s++) {
    const height = Math.max(0.5, bottom - y(value(s)));
    out.push({
      kind: "rect",
      x: x(s + 0.5) - bar / 2,
      y: bottom - height,
      w: bar,
      h: height,
      radius: Math.min(2, bar / 4),
      fill: "var(--tb-amount)",
    });
  }
  return out;
}

/** Invisible columns over both rows, so that the pointer need not meet a bar. */
function hits(trace: Trace, x: Scale): SVGElement[] {
  return Array.from({ length: trace.steps }, (_, step) => {
    const rect = svg("rect", {
      x: x(step),
      y: 0,
      width: x(step + 1) - x(step),
      height: HEIGHT,
      fill: "transparent",
      "data-step": step,
    });
    const name = svg("title");
    name.textContent = inWords(trace, step);
    rect.append(name);
    return rect;
  });
}
