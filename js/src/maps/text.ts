// The text with one row of weights: each token has a tint and a number for its weight. Lines lead from the query to the tokens
// with the largest weights.

import { token as tokenElement } from "../tokens";
import type { Text } from "../trace";
import { css, ink, sequential } from "../ui/color";
import { afterwards, edges, element, focusedIn, keepInSight, onResize, setSelected, tabStop } from "../ui/dom";
import { isBare, take } from "../ui/keys";
import type { Line } from "./lines";
import { lines } from "./lines";
import { scrolledTo } from "./sight";
import type { Tint } from "./tint";
import { darkness, strongest } from "./tint";
import { figure, named, weightName } from "./words";

/** A text of at most this many tokens has larger type. */
const SHORT = 48;
const FADE = 20;
/** Smaller weights have no number under their token; the detail line shows them. */
const LEAST_SHOWN = 0.005;
/** The importance of the query when the text scrolls; the importance of another token is its tint. */
const READS = 0.2;

export interface TextSpec {
  text: Text;
  /** Whether the model has sinks: their weight stands before the first token. */
  sinks: boolean;
  onKey: (key: number) => void;
  onPoint: (key: number | null) => void;
}

export interface Row {
  /** The weights of the keys. */
  weights: Float32Array;
  /** 1 for each weight that is exact; the number of another begins with "≈". Null where all are equally exact. */
  exact: Uint8Array | null;
  sink: number | null;
  query: number;
  tint: Tint;
  dark: boolean;
}

/** A token of the text. */
interface State {
  /** -1 if there is none. */
  weight: number;
  known: boolean;
  ground: string;
  /** The number under the token, and in the words for screen readers. */
  figure: string;
  name: string;
  here: boolean;
  out: boolean;
  reads: boolean;
}

export interface LookedAt {
  el: HTMLElement;
  paint(row: Row): void;
  select(key: number | null): void;
}

export function lookedAt({ text, sinks, onKey, onPoint }: TextSpec, signal: AbortSignal): LookedAt {
  const pieces = text.pieces.map((piece, key) => {
    const under = element("span", { class: "tb-att-figure", "aria-hidden": "true" });
    const attributes = { class: "tb-piece", role: "option", "data-key": key, "aria-selected": "false", tabindex: -1 };
    return element("span", attributes, tokenElement(piece, { title: "" }), under);
  });
  const list = element("div", { class: "tb-text", role: "listbox", "aria-label": "Tokens with their weights" });
  list.setAttribute("aria-orientation", "horizontal");
  list.toggleAttribute("data-short", pieces.length <= SHORT);
  list.dataset.capture = "whole";
  const tell = edges(list, signal);
  const sink = sinks ? element("span", { class: "tb-att-sink", role: "note" }) : null;
  if (sink) list.append(sink);
  pieces.forEach((piece, key) => {
    list.append(piece);
    if (text.pieces[key]?.[0].includes("\n")) list.append(element("span", { class: "tb-break", "aria-hidden": "true" }));
  });
  const curves = lines(list, pieces, signal);
  const el = element("div", { class: "tb-att-looked" }, list);

  let painted: Row | null = null;
  let latest: { query: number; found: readonly Line[] } | null = null;
  const parts = pieces.map(({ children }) => [...children] as [HTMLElement, HTMLElement]);
  const states: State[] = [];
  let there = -1;
  let selected: number | null = null;
  const onHome = tabStop(pieces);
  const go = (key: number) => {
    onHome(key);
    onKey(key);
    pieces[key]?.focus({ preventScroll: true });
  };
  const bringInSight = (query: number, found: readonly Line[]) => {
    const { scrollTop: now, clientHeight: room, scrollHeight: whole } = list;
    if (whole <= room + 1) return;
    const spots = [{ key: query, strength: READS }, ...found].map(({ key, strength: worth }) => {
      const { offsetTop: top, offsetHeight: height } = pieces[key] as HTMLElement;
      return { top, bottom: top + height, worth };
    });
    list.scrollTop = scrolledTo(spots, { now, room, whole, fade: FADE });
  };
  // At another width the words move, and a hidden text had no positions to measure.
  let width = 0;
  const rewrapped = () => {
    if (list.offsetWidth === width) return;
    width = list.offsetWidth;
    const chosen = selected === null || selected > there ? undefined : pieces[selected];
    if (chosen) keepInSight(list, chosen, FADE);
    else if (latest) bringInSight(latest.query, latest.found);
  };
  onResize([list], rewrapped, signal);
  const listen = { signal };
  list.addEventListener(
    "click",
    (event) => {
      const key = keyAt(event.target);
      if (key !== null && key <= there) go(key);
    },
    listen,
  );
  list.addEventListener(
    "keydown",
    (event) => {
      const key = keyAt(event.target);
      if (key === null || !isBare(event)) return;
      const to = { ArrowLeft: key - 1, ArrowRight: key + 1, Home: 0, End: there, Enter: key, " ": key }[event.key];
      if (to === undefined) return;
      take(event);
      go(Math.min(there, Math.max(0, to)));
    },
    listen,
  );
  for (const name of ["pointerover", "focusin"] as const) {
    list.addEventListener(name, (event) => onPoint(keyAt(event.target)), listen);
  }
  for (const name of ["pointerleave", "focusout"] as const) list.addEventListener(name, () => onPoint(null), listen);

  return {
    el,
    paint: (row) => {
      if (painted && isSame(painted, row)) return;
      painted = row;
      const { weights, exact, sink: taken, query, tint, dark } = row;
      const moved = there !== query;
      there = query;
      const tinted = (weight: number, key: number) => {
        const ground = sequential(darkness(tint, weight, key), dark);
        return `background:${css(ground)};color:${ink(ground)}`;
      };
      pieces.forEach((piece, key) => {
        const here = key <= query;
        const weight = here ? (weights[key] ?? 0) : -1;
        const known = exact === null || exact[key] === 1;
        const [shown, under] = parts[key] as [HTMLElement, HTMLElement];
        const ground = here && key >= tint.from ? tinted(weight, key) : "";
        // Write only changes: a write forces a new layout, and in a long text most tokens stay the same.
        const before = states[key];
        const name = before?.weight === weight && before.known === known ? before.name : here ? figure(weight, known) : "";
        const number = here && weight >= LEAST_SHOWN ? name : "";
        const now = { weight, known, ground, figure: number, name, here, out: key < tint.from, reads: key === query };
        states[key] = now;
        if (before?.ground !== ground) shown.style.cssText = ground;
        if (before?.figure !== number) under.textContent = number;
        if (before?.here !== here) {
          piece.toggleAttribute("data-later", !here);
          piece.setAttribute("aria-disabled", String(!here));
        }
        if (before?.out !== now.out) piece.toggleAttribute("data-left-out", now.out);
        if (before?.reads !== now.reads) piece.toggleAttribute("data-reads", now.reads);
        // The detail line says what this is a share of.
        if (before?.name !== name) {
          piece.setAttribute("aria-label", `position ${key} ${named(text, key)}: ${here ? name : "comes after the query"}`);
        }
      });
      if (sink) {
        sink.textContent = `sink ${weightName(taken ?? 0)}`;
        sink.title = `The sink takes ${weightName(taken ?? 0)} of the attention of this row. It is no token.`;
        sink.style.cssText = tinted(taken ?? 0, tint.from);
      }
      if (!list.contains(focusedIn(list))) onHome(Math.min(selected ?? 0, there));
      // The first token has only itself as a key.
      const found = (query === 0 ? [] : strongest(weights, query, tint)).map((key) => {
        const weight = weights[key] ?? 0;
        return { key, weight, strength: darkness(tint, weight, key) };
      });
      // A selected token is scrolled into view separately.
      latest = { query, found };
      const scrolls = moved && (selected === null || selected > query);
      afterwards(() => {
        if (scrolls) bringInSight(query, found);
        curves.paint(query, found);
      });
      tell();
    },
    select: (key) => {
      if (key !== selected && key !== null && pieces[key]) keepInSight(list, pieces[key], FADE);
      const [old, now] = [pieces[selected ?? -1], pieces[key ?? -1]];
      if (old && old !== now) setSelected(old, false);
      if (now) setSelected(now, true);
      selected = key;
      if (key !== null && key <= there && !list.contains(focusedIn(list))) onHome(key);
    },
  };
}

function isSame(one: Row, other: Row): boolean {
  const [a, b] = [one.weights, other.weights];
  return (
    // Compare values: each row is a new array.
    [a.buffer === b.buffer, a.byteOffset === b.byteOffset, a.length === b.length].every(Boolean) &&
    [one.query === other.query, one.dark === other.dark].every(Boolean) &&
    [one.tint.top === other.tint.top, one.tint.from === other.tint.from].every(Boolean)
  );
}

function keyAt(node: EventTarget | null): number | null {
  const found = (node as Element | null)?.closest<HTMLElement>(".tb-piece")?.dataset.key;
  return found === undefined ? null : Number(found);
}
