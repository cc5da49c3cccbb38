// The text, token by token: the prompt by role, then the generated tokens with their probabilities.

import type { Fields, Selection } from "../selection";
import { readElsewhere, selectToken, stepAt, tokenOf } from "../selection";
import { isolated, token } from "../tokens";
import type { Trace } from "../trace";
import { edges, element, focusedIn, keepInSight, onResize, setAttributes, setSelected, tabStop } from "../ui/dom";
import { probability, withP } from "../ui/format";
import { isBare, take } from "../ui/keys";
import { ifChanged } from "../ui/unchanged";
import { blocks } from "./blocks";
import type { Fold } from "./fold";
import { fold } from "./fold";

/** A text of at most this many tokens has larger type. */
const SHORT = 48;
/** The height of the faded edges; the same as in the style sheet. */
const FADE = 20;

export interface TextView {
  el: HTMLElement;
  update(fields: Readonly<Fields>): void;
}

export function text(trace: Trace, selection: Selection, signal: AbortSignal): TextView {
  const pieces = trace.pieces.map((_, index) => piece(trace, index));
  const onHome = tabStop(pieces);
  const el = element("div", { class: "tb-text", role: "listbox", "aria-label": "Tokens", "aria-orientation": "horizontal" });
  // The picture shows the whole text.
  el.dataset.capture = "whole";
  const tell = edges(el, signal);
  const folds: Fold[] = [];
  el.toggleAttribute("data-short", pieces.length <= SHORT);
  for (const { caption, start, stop, generated } of blocks(trace)) {
    const run = element("div", { class: "tb-run" });
    const folded = generated || trace.steps === 0 ? null : fold(start, stop, tell);
    if (folded) folds.push(folded);
    for (let index = start; index < stop; index++) {
      if (folded?.start === index) run.append(folded.sign, folded.inside);
      const into = folded && index >= folded.start && index < folded.stop ? folded.inside : run;
      into.append(pieces[index] as Node);
      // A newline also breaks the line on the page. Its token stays, so that it can be clicked.
      if (trace.pieces[index]?.[0].includes("\n")) into.append(element("span", { class: "tb-break", "aria-hidden": "true" }));
    }
    const name = element("span", { class: "tb-caption", "aria-hidden": "true" }, caption);
    el.append(
      element("div", { class: "tb-block", role: "group", "aria-label": caption, "data-generated": generated }, name, run),
    );
  }

  el.addEventListener(
    "click",
    (event) => {
      const index = indexOf(event.target);
      if (index === null) return;
      selectToken(selection, trace, index);
      pieces[index]?.focus({ preventScroll: true });
    },
    { signal },
  );
  el.addEventListener(
    "keydown",
    (event) => {
      const index = indexOf(event.target);
      const next = index === null ? null : target(event, trace, index);
      if (next === null) return;
      take(event);
      selectToken(selection, trace, next);
      pieces[next]?.focus({ preventScroll: true });
    },
    { signal },
  );

  let latest = -1;
  // At another width the words move, and a hidden text had no positions. A scroll bar does not change `offsetWidth`.
  let width = 0;
  const rewrapped = () => {
    if (el.offsetWidth === width) return;
    width = el.offsetWidth;
    const now = pieces[latest];
    if (now) keepInSight(el, now, FADE);
  };
  onResize([el], rewrapped, signal);

  /** The selected token: of the step if it is generated. `token` marks prompt tokens only: a step by key leaves it stale. */
  const mark = ifChanged((start: number, stop: number, current: number, read: number) => {
    let count = 0;
    pieces.forEach((piece, index) => {
      const marked = stepAt(trace, index - 1) === null ? index >= start && index < stop : index === current;
      const selected = marked || index === read;
      setSelected(piece, selected);
      piece.toggleAttribute("data-read", index !== current && selected);
      count += Number(selected);
      if (selected) for (const fold of folds) if (index >= fold.start && index < fold.stop) fold.open();
    });
    setAttributes(el, { "aria-multiselectable": count > 1 && "true" });
    const now = pieces[current];
    if (now) keepInSight(el, now, FADE);
    latest = current;
    tell();
  });

  return {
    el,
    update: (fields) => {
      const { step, token } = fields;
      const [start, stop] = Array.isArray(token) ? token : token === null ? [-1, -1] : [token, token + 1];
      const current = step === null ? -1 : tokenOf(trace, step);
      const focused = pieces.indexOf(focusedIn(el) as HTMLElement);
      onHome(focused >= 0 ? focused : current >= 0 ? current : Math.max(0, start));
      mark(start, stop, current, readElsewhere(trace, fields) ?? -1);
    },
  };
}

function piece(trace: Trace, index: number): HTMLElement {
  const step = stepAt(trace, index - 1);
  const shown = trace.pieces[index] ?? ["", "?", "special"];
  const made = element("span", {
    class: "tb-piece",
    role: "option",
    "data-token": index,
    "aria-selected": "false",
    tabindex: -1,
  });
  made.append(token(shown));
  if (step === null) {
    made.title = `${isolated(shown[1])} · position ${index}`;
    return made;
  }
  const p = trace.probs.at({ step });
  made.dataset.step = String(step);
  made.title = `${isolated(shown[1])} · step ${step}, ${withP(p)}`;
  made.append(bar(p), element("span", { class: "tb-piece-value" }, probability(p)));
  return made;
}

/** An amount in [0, 1] as a bar; its number stands beside it. */
export function bar(share: number): HTMLElement {
  return element("span", { class: "tb-bar", "aria-hidden": "true" }, element("i", { style: `inline-size: ${100 * share}%` }));
}

function indexOf(node: EventTarget | null): number | null {
  const found = (node as Element | null)?.closest<HTMLElement>(".tb-piece")?.dataset.token;
  return found === undefined ? null : Number(found);
}

/** The token that a key leads to: left and right move by a token, Home and End go to the first and last step. */
function target(event: KeyboardEvent, trace: Trace, index: number): number | null {
  const last = trace.pieces.length - 1;
  const start = event.key === "Home" && event.ctrlKey && !event.shiftKey && !event.altKey && !event.metaKey;
  if (start) return 0;
  if (!isBare(event)) return null;
  const to = {
    ArrowLeft: index - 1,
    ArrowRight: index + 1,
    Home: trace.steps === 0 ? 0 : tokenOf(trace, 0),
    End: last,
    Enter: index,
    " ": index,
  }[event.key];
  return to === undefined ? null : Math.min(last, Math.max(0, to));
}
