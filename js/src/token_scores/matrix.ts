// The table of all explained steps x all tokens.

import { Grid } from "../maps/grid";
import { tokenOf } from "../selection";
import type { Text } from "../trace";
import { css, diverging, ink } from "../ui/color";
import { element } from "../ui/dom";
import type { Scores } from "./result";
import { bySize, rowOf, widestOf } from "./result";
import { inCell, inWords } from "./words";

export interface Matrix {
  el: HTMLElement;
  select(step: number, tokens: readonly number[]): void;
  recolour(dark: boolean): void;
}

export interface MatrixSpec {
  scores: Scores;
  text: Text;
  dark: boolean;
  onSelect: (step: number | null, token: number | null) => void;
  onPoint: (step: number, token: number) => void;
}

export function matrix({ scores, text, dark, onSelect, onPoint }: MatrixSpec, signal: AbortSignal): Matrix {
  const most = widestOf(scores) || 1;
  let night = dark;
  let current = scores.steps[0] ?? 0;
  const grid = new Grid(
    {
      label: "Score of each token at each step",
      axis: "step",
      rows: scores.steps,
      rowName: (step) => `${step} ${text.pieces[tokenOf(text, step)]?.[1] ?? ""}`,
      labelWidth: 104,
      heads: text.pieces,
      cell: (step, token) => {
        const score = rowOf(scores, step).values[token] ?? Number.NaN;
        if (Number.isNaN(score)) return null;
        const ground = diverging(score / most, night);
        const title = `step ${step} · ${inWords(scores, text, step, token)}`;
        const written = inCell(score, most);
        // Tiny scores are grey; the title has the number.
        return { text: written, title, ground: css(ground), ink: written === "0" ? "var(--tb-ink-3)" : ink(ground) };
      },
      onSelect,
      onFocus: onPoint,
      begin: () => bySize(rowOf(scores, current))[0] ?? null,
    },
    signal,
  );
  const heading = element("h3", {}, "At every step");
  const about = `rows: the token of each step; columns: the tokens that speak for or against it; colour scale to ±${inCell(most, most).slice(1)} ${scores.unit}`;
  const note = element("span", { class: "tb-note" }, about);
  return {
    el: element("div", { class: "tb-matrix" }, element("div", { class: "tb-head" }, heading, note), grid.el),
    select: (step, tokens) => {
      current = step;
      grid.select(step, tokens[0] ?? null);
    },
    recolour: (now) => {
      night = now;
      grid.refresh();
    },
  };
}
