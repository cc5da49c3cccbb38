// The text that the decision was made from: every token tinted by its score, with the score as a bar above or below a line.

import { css, diverging, ink } from "../color";
import { element, focusedIn, setSelected } from "../dom";
import { isBare, take } from "../keys";
import type { Scores } from "../scores";
import { bySize, scored, widest } from "../scores";
import { stepAt, tokenOf } from "../selection";
import { isolated, token as tokenElement } from "../tokens";
import type { Text } from "../trace";
import { inWords } from "./words";

/** Texts up to this many tokens are set larger. */
const SHORT = 48;

export interface TextSpec {
  scores: Scores;
  text: Text;
  /** A token that speaks for or against. */
  onSelect: (token: number) => void;
  /** A token that was said at another step, and is no part of this one. */
  onStep: (token: number) => void;
  /** What the pointer or the focus is on; null when it has left. */
  onPoint: (token: number | null) => void;
}

export interface ScoredText {
  el: HTMLElement;
  update(step: number, dark: boolean): void;
  select(tokens: readonly number[]): void;
  focus(): void;
}

export function scoredText({ scores, text, onSelect, onStep, onPoint }: TextSpec, signal: AbortSignal): ScoredText {
  const pieces = text.pieces.map((shown, index) => {
    const bar = element("span", { class: "tb-score-bar", "aria-hidden": "true" }, element("i", {}));
    const attributes = { class: "tb-piece", role: "option", "data-token": index, "aria-selected": "false", tabindex: -1 };
    return element("span", attributes, tokenElement(shown, { title: "" }), bar);
  });
  const el = element("div", { class: "tb-text", role: "listbox", "aria-label": "Tokens with their scores" });
  el.setAttribute("aria-orientation", "horizontal");
  el.toggleAttribute("data-short", pieces.length <= SHORT);
  pieces.forEach((piece, index) => {
    el.append(piece);
    if (text.pieces[index]?.[0].includes("\n")) el.append(element("span", { class: "tb-break", "aria-hidden": "true" }));
  });

  let there: number[] = [];
  let selected: readonly number[] = [];
  let home = 0;
  const has = (token: number) => there.includes(token);
  const onHome = (token: number) => {
    home = token;
    pieces.forEach((piece, index) => {
      piece.tabIndex = index === home ? 0 : -1;
    });
  };
  const go = (token: number) => {
    onHome(token);
    onSelect(token);
    pieces[token]?.focus({ preventScroll: true });
    keepInSight(el, pieces[token]);
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
      there = scored(scores, step);
      const most = widest(scores) || 1;
      const decided = tokenOf(text, step);
      pieces.forEach((piece, token) => {
        const score = scores.scores.at({ step, token });
        const here = !Number.isNaN(score);
        const ground = diverging(score / most, dark);
        piece.style.cssText = here ? `background:${css(ground)};color:${ink(ground)}` : "";
        piece.toggleAttribute("data-decided", token === decided);
        piece.toggleAttribute("data-later", !here && token !== decided);
        piece.setAttribute("aria-disabled", String(!here));
        const label = token === decided ? said(text, token, step) : inWords(scores, text, step, token);
        piece.setAttribute("aria-label", label);
        piece.title = here || token === decided ? label : `${label}; a click goes to its own step`;
        const bar = piece.querySelector<HTMLElement>(".tb-score-bar > i");
        if (bar) bar.style.cssText = here ? barStyle(score / most) : "display:none";
      });
      const focused = pieces.indexOf(focusedIn(el) as HTMLElement);
      onHome(has(focused) ? focused : (selected.find(has) ?? bySize(scores, step)[0] ?? 0));
      keepInSight(el, pieces[decided]);
    },
    select: (tokens) => {
      selected = tokens;
      const marked = new Set(tokens);
      pieces.forEach((piece, token) => {
        setSelected(piece, marked.has(token));
      });
      const first = tokens.find(has);
      if (first !== undefined && !el.contains(focusedIn(el))) onHome(first);
    },
    focus: () => pieces[home]?.focus({ preventScroll: true }),
  };
}

/** A bar from the zero line: up in one colour, down in the other. */
function barStyle(share: number): string {
  const height = `${(50 * Math.abs(share)).toFixed(1)}%`;
  return share >= 0
    ? `bottom:50%;height:${height};background:var(--tb-for)`
    : `top:50%;height:${height};background:var(--tb-against)`;
}

function said(text: Text, token: number, step: number): string {
  return `${isolated(text.pieces[token]?.[1] ?? "?")}, position ${token}: what was said at step ${step}`;
}

function tokenAt(node: EventTarget | null): number | null {
  const found = (node as Element | null)?.closest<HTMLElement>(".tb-piece")?.dataset.token;
  return found === undefined ? null : Number(found);
}

/** The token that a key leads to, among those that have a score. */
function after(event: KeyboardEvent, there: readonly number[], token: number): number | null {
  if (!isBare(event) || there.length === 0) return null;
  const [first, last] = [there[0] as number, there.at(-1) as number];
  const to = { ArrowLeft: token - 1, ArrowRight: token + 1, Home: first, End: last, Enter: token, " ": token }[event.key];
  return to === undefined ? null : Math.min(last, Math.max(first, to));
}

/** Scrolls the text, never the page. */
function keepInSight(el: HTMLElement, piece: HTMLElement | undefined): void {
  if (!piece) return;
  const [outer, inner] = [el.getBoundingClientRect(), piece.getBoundingClientRect()];
  if (inner.top < outer.top) el.scrollTop += inner.top - outer.top - 8;
  if (inner.bottom > outer.bottom) el.scrollTop += inner.bottom - outer.bottom + 8;
}
