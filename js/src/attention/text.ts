// The text as the current query looked at it: every token tinted by its weight, with the weight in figures under it.

import type { HeadSlice } from "../attention";
import { rowOf } from "../attention";
import { css, ink, sequential } from "../color";
import { edges, element, focusedIn, keepInSight, setSelected } from "../dom";
import { isBare, take } from "../keys";
import { token as tokenElement } from "../tokens";
import type { Text } from "../trace";
import { amount } from "./paint";
import { named, share, weightName, whoseName } from "./words";

/** Texts up to this many tokens are set larger. */
const SHORT = 48;
const FADE = 20;
/** Smaller weights have no figure under their token; the line in full has it. */
const SAID = 0.005;

export interface TextSpec {
  text: Text;
  /** Whether there is a sink. */
  sinks: boolean;
  onKey: (key: number) => void;
  onPoint: (key: number | null) => void;
}

export interface LookedAt {
  el: HTMLElement;
  paint(slice: HeadSlice, query: number, dark: boolean): void;
  select(key: number | null): void;
}

export function lookedAt({ sinks, text, onKey, onPoint }: TextSpec, signal: AbortSignal): LookedAt {
  const pieces = text.pieces.map((piece, key) => {
    const figure = element("span", { class: "tb-att-figure", "aria-hidden": "true" });
    const attributes = { class: "tb-piece", role: "option", "data-key": key, "aria-selected": "false", tabindex: -1 };
    return element("span", attributes, tokenElement(piece, { title: "" }), figure);
  });
  const list = element("div", { class: "tb-text", role: "listbox", "aria-label": "Tokens with their weights" });
  list.setAttribute("aria-orientation", "horizontal");
  list.toggleAttribute("data-short", pieces.length <= SHORT);
  list.dataset.capture = "whole";
  const tell = edges(list, signal);
  pieces.forEach((piece, key) => {
    list.append(piece);
    if (text.pieces[key]?.[0].includes("\n")) list.append(element("span", { class: "tb-break", "aria-hidden": "true" }));
  });
  const sink = sinks ? element("div", { class: "tb-att-sink" }) : null;
  const el = element("div", { class: "tb-att-looked" }, sink, list);

  let painted: { slice: HeadSlice; query: number; dark: boolean } | null = null;
  const tints: string[] = [];
  let there = 0;
  let home = 0;
  let selected: number | null = null;
  const onHome = (key: number) => {
    home = key;
    pieces.forEach((piece, i) => {
      piece.tabIndex = i === home ? 0 : -1;
    });
  };
  const go = (key: number) => {
    onHome(key);
    onKey(key);
    pieces[key]?.focus({ preventScroll: true });
  };
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
    paint: (slice, query, dark) => {
      if (painted && painted.slice === slice && painted.query === query && painted.dark === dark) return;
      painted = { slice, query, dark };
      there = query;
      const row = rowOf(slice, query);
      pieces.forEach((piece, key) => {
        const here = key <= query;
        const weight = row[key] ?? 0;
        const [shown, figure] = [...piece.children] as [HTMLElement, HTMLElement];
        const tint = here ? tinted(weight, dark) : "";
        const said = here && weight >= SAID ? weightName(weight) : "";
        // Of a long text most stay as they are, and what is written is laid out anew.
        if (tints[key] !== tint) shown.style.cssText = tint;
        if (figure.textContent !== said) figure.textContent = said;
        tints[key] = tint;
        piece.toggleAttribute("data-later", !here);
        piece.toggleAttribute("data-reads", key === query);
        const full = here ? share(slice, query, key) : `comes after position ${query}`;
        piece.setAttribute("aria-label", `position ${key} ${named(text, key)}: ${full}`);
      });
      if (sink) {
        const weight = slice.sink?.[query] ?? 0;
        sink.textContent = `sink ${weightName(weight)}`;
        sink.title = `${weightName(weight)} of the attention of ${whoseName(slice)} goes to the sink, which leads nowhere`;
        sink.style.cssText = tinted(weight, dark);
      }
      if (!list.contains(focusedIn(list))) onHome(Math.min(selected ?? 0, there));
      tell();
    },
    select: (key) => {
      if (key !== selected && key !== null && pieces[key]) keepInSight(list, pieces[key], FADE);
      selected = key;
      pieces.forEach((piece, i) => {
        setSelected(piece, i === key);
      });
      if (key !== null && key <= there && !list.contains(focusedIn(list))) onHome(key);
    },
  };
}

function tinted(weight: number, dark: boolean): string {
  const ground = sequential(amount(weight), dark);
  return `background:${css(ground)};color:${ink(ground)}`;
}

function keyAt(node: EventTarget | null): number | null {
  const found = (node as Element | null)?.closest<HTMLElement>(".tb-piece")?.dataset.key;
  return found === undefined ? null : Number(found);
}
