// The text with scores: each token has a tint, and a bar above or below a line.

import { stepAt, tokenOf } from "../selection";
import { token as tokenElement } from "../tokens";
import type { Text } from "../trace";
import { css, diverging, ink } from "../ui/color";
import { edges, element, focusedIn, keepInSight, setAttributes, setSelected, tabStop } from "../ui/dom";
import { isBare, take } from "../ui/keys";
import { nearFirst } from "../ui/near";
import type { Scores } from "./result";
import { bySize, rowOf } from "./result";
import { inWords } from "./words";

/** A text of at most this many tokens has larger type. */
const SHORT = 48;
/** The height of the faded edges; the same as in the style sheet. */
const FADE = 20;
/**
 * Pixels above and below the zero line, for the longest bar; the same as in the style sheet. No bar covers the line: else a bar
 * of one pixel would look the same up and down, and only its colour would show the sign.
 */
const HALF = 11;

export interface TextSpec {
  /** The answer on the page. */
  scores: () => Scores;
  text: Text;
  /** Called when the reader selects a token that has a score. */
  onSelect: (token: number) => void;
  /** Called when the reader selects the token of another step, which has no score at this one. */
  onStep: (token: number) => void;
  /** Called with the token under the pointer or with the focus; null when there is none. */
  onPoint: (token: number | null) => void;
}

export interface ScoredText {
  el: HTMLElement;
  update(step: number, dark: boolean): void;
  select(tokens: readonly number[]): void;
  focus(): void;
}

export function scoredText({ scores, text, onSelect, onStep, onPoint }: TextSpec, signal: AbortSignal): ScoredText {
  const bars = text.pieces.map(() => element("span", { class: "tb-score-bar", "aria-hidden": "true" }));
  const pieces = text.pieces.map((shown, index) => {
    const bar = bars[index];
    const attributes = { class: "tb-piece", role: "option", "data-token": index, "aria-selected": "false", tabindex: -1 };
    return element("span", attributes, tokenElement(shown, { title: "" }), bar);
  });
  const el = element("div", { class: "tb-text", role: "listbox", "aria-label": "Tokens with their scores" });
  el.setAttribute("aria-orientation", "horizontal");
  el.toggleAttribute("data-short", pieces.length <= SHORT);
  el.dataset.capture = "whole";
  const tell = edges(el, signal);
  const draw = nearFirst(el, pieces, signal);
  pieces.forEach((piece, index) => {
    el.append(piece);
    if (text.pieces[index]?.[0].includes("\n")) el.append(element("span", { class: "tb-break", "aria-hidden": "true" }));
  });

  const drawn: { tint: string; bar: string; decided: boolean; later: boolean }[] = [];
  let there: readonly number[] = [];
  let selected: readonly number[] = [];
  let home = 0;
  const has = (token: number) => there.includes(token);
  const stop = tabStop(pieces);
  const onHome = (token: number) => {
    home = token;
    stop(token);
  };
  const go = (token: number) => {
    onHome(token);
    onSelect(token);
    pieces[token]?.focus({ preventScroll: true });
  };

  const listen = { signal };
  el.addEventListener(
    "click",
    (event) => {
      const token = tokenAt(event.target);
      if (token === null) return;
      if (has(token)) go(token);
      else if (stepAt(text, token - 1) !== null) onStep(token);
    },
    listen,
  );
  el.addEventListener(
    "keydown",
    (event) => {
      const token = tokenAt(event.target);
      const next = token === null ? null : after(event, there, token);
      if (next === null) return;
      take(event);
      go(next);
    },
    listen,
  );
  for (const name of ["pointerover", "focusin"] as const) {
    el.addEventListener(name, (event) => onPoint(tokenAt(event.target)), listen);
  }
  for (const name of ["pointerleave", "focusout"] as const) el.addEventListener(name, () => onPoint(null), listen);

  return {
    el,
    update: (step, dark) => {
      const row = rowOf(scores(), step);
      const most = row.widest || 1;
      there = row.tokens;
      const decided = tokenOf(text, step);
      draw((token) => {
        const piece = pieces[token] as HTMLElement;
        const score = row.values[token] ?? Number.NaN;
        const here = !Number.isNaN(score);
        const ground = diverging(score / most, dark);
        const now = {
          tint: here ? `background:${css(ground)};color:${ink(ground)}` : "",
          // A zero has no direction.
          bar: here && score !== 0 ? barStyle(score / most) : "",
          decided: token === decided,
          later: !here && token !== decided,
        };
        // In a long text most tokens have almost no score at any step. Do not write what looks the same.
        const before = drawn[token];
        drawn[token] = now;
        const [shown, bar] = [piece.firstElementChild, bars[token]] as [HTMLElement, HTMLElement];
        if (before?.tint !== now.tint) shown.style.cssText = now.tint;
        if (before?.bar !== now.bar) bar.style.cssText = now.bar;
        if (before?.decided !== now.decided) piece.toggleAttribute("data-decided", now.decided);
        if (before?.later !== now.later) piece.toggleAttribute("data-later", now.later);
        const label = inWords(scores(), text, step, token);
        piece.setAttribute("aria-label", label);
        piece.title = now.later ? `${label}; a click goes to its own step` : label;
      });
      const focused = pieces.indexOf(focusedIn(el) as HTMLElement);
      onHome(has(focused) ? focused : (selected.find(has) ?? bySize(row)[0] ?? 0));
      if (pieces[decided]) keepInSight(el, pieces[decided], FADE);
      tell();
    },
    select: (tokens) => {
      const first = tokens.find(has);
      if (first !== undefined && first !== selected[0] && pieces[first]) keepInSight(el, pieces[first], FADE);
      const marked = new Set(tokens);
      for (const token of new Set([...selected, ...tokens])) {
        const piece = pieces[token];
        if (piece) setSelected(piece, marked.has(token));
      }
      selected = tokens;
      setAttributes(el, { "aria-multiselectable": tokens.length > 1 && "true" });
      if (first !== undefined && !el.contains(focusedIn(el))) onHome(first);
    },
    focus: () => pieces[home]?.focus({ preventScroll: true }),
  };
}

/** A bar from the zero line, up or down. It is a background, so that a change costs paint but no layout. */
function barStyle(share: number): string {
  // Whole pixels: a background between two pixels is blurred.
  const height = Math.max(1, Math.round(HALF * Math.abs(share)));
  const [top, colour] = share > 0 ? [HALF - height, "for"] : [HALF + 1, "against"];
  return `--tb-bar:var(--tb-${colour});--tb-bar-at:1px ${top}px;--tb-bar-size:calc(100% - 2px) ${height}px`;
}

function tokenAt(node: EventTarget | null): number | null {
  const found = (node as Element | null)?.closest<HTMLElement>(".tb-piece")?.dataset.token;
  return found === undefined ? null : Number(found);
}

/** The token that a key leads to, among the tokens with a score. */
function after(event: KeyboardEvent, there: readonly number[], token: number): number | null {
  if (!isBare(event) || there.length === 0) return null;
  const [first, last] = [there[0] as number, there.at(-1) as number];
  const to = { ArrowLeft: token - 1, ArrowRight: token + 1, Home: first, End: last, Enter: token, " ": token }[event.key];
  return to === undefined ? null : Math.min(last, Math.max(first, to));
}
