// Carrying a view to another place by its handle: with a mouse, a pen or a finger. A line shows where it would land.

import { element, svg } from "../ui/dom";
import { take } from "../ui/keys";
import { spoken } from "./arrangement";

/** Pixels until it is a movement and no click. */
const BEGINS = 5;
/** Near the ends of what scrolls, as a share of its height, it scrolls on; pixels a frame at the most. */
const EDGE = 0.15;
const FASTEST = 22;

export interface Standing {
  name: string;
  el: HTMLElement;
}

export interface Carrying {
  name: string;
  /** Around all places; the line is drawn in it. */
  views: HTMLElement;
  /** The places that are in sight, first to last. */
  inSight: () => readonly Standing[];
  /** Let go before another place, or after the last one (null). */
  onDrop: (before: string | null) => void;
}

/** The handle. Whoever has no pointer has the buttons beside the title. */
export function grip({ name, views, inSight, onDrop }: Carrying, signal: AbortSignal): HTMLElement {
  const title = `Drag to move ${spoken(name)} (Escape gives up)`;
  const handle = element("span", { class: "tb-grip", "data-grip": name, title, "aria-hidden": "true", "data-capture": "no" });
  handle.append(dots());
  handle.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      take(event);
      carry(event);
    },
    { signal },
  );

  const carry = (from: PointerEvent) => {
    const life = new AbortController();
    const until = { signal: AbortSignal.any([signal, life.signal]) };
    const words = element("span", { class: "tb-landing-words" });
    const line = element("div", { class: "tb-landing", role: "status", "data-capture": "no" }, words);
    let y = from.clientY;
    let begun = false;
    const landing = () => landingAt(y, name, inSight());
    const covered = () => views.previousElementSibling?.getBoundingClientRect().bottom ?? 0;
    const draw = () => {
      const places = inSight();
      const { stays, before } = landing();
      const edge = before === null ? places.at(-1)?.el.getBoundingClientRect().bottom : boxOf(places, before)?.top;
      // What it is before may be out of sight: below, or under the head of the bench.
      const shown = Math.min(innerHeight - 14, Math.max(edge ?? 0, covered()));
      line.style.top = `${shown - views.getBoundingClientRect().top}px`;
      line.toggleAttribute("data-stays", stays);
      const said = stays ? `${spoken(name)} stays` : before === null ? `${spoken(name)} last` : `before ${spoken(before)}`;
      if (words.textContent !== said) words.textContent = said;
    };
    const begin = () => {
      begun = true;
      for (const each of inSight()) each.el.toggleAttribute("data-carried", each.name === name);
      views.append(line);
      views.toggleAttribute("data-landing", true);
      keepScrolling(views, () => y, draw, until.signal);
    };
    until.signal.addEventListener("abort", () => {
      line.remove();
      views.toggleAttribute("data-landing", false);
      for (const { el } of inSight()) el.removeAttribute("data-carried");
      if (handle.hasPointerCapture?.(from.pointerId)) handle.releasePointerCapture(from.pointerId);
    });
    handle.setPointerCapture?.(from.pointerId);
    const own = (act: (event: PointerEvent) => void) => (event: Event) => {
      if ((event as PointerEvent).pointerId === from.pointerId) act(event as PointerEvent);
    };
    const move = own((event) => {
      y = event.clientY;
      if (!begun && Math.hypot(event.clientX - from.clientX, y - from.clientY) >= BEGINS) begin();
      if (begun) draw();
    });
    const drop = own(() => {
      const { stays, before } = landing();
      const moved = begun && !stays;
      life.abort();
      if (moved) onDrop(before);
    });
    const giveUp = own(() => life.abort());
    handle.addEventListener("pointermove", move, until);
    handle.addEventListener("pointerup", drop, until);
    handle.addEventListener("pointercancel", giveUp, until);
    handle.addEventListener("lostpointercapture", giveUp, until);
    const key = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      take(event);
      life.abort();
    };
    // Before anybody else: Escape means something in a notebook, and in an enlarged view.
    addEventListener("keydown", key, { ...until, capture: true });
  };
  return handle;
}

function dots(): SVGElement {
  const drawing = svg("svg", { viewBox: "0 0 8 14", width: 8, height: 14 });
  for (const cx of [2, 6]) for (const cy of [2, 7, 12]) drawing.append(svg("circle", { cx, cy, r: 1.2 }));
  return drawing;
}

interface Landing {
  before: string | null;
  /** It would stand where it stands. */
  stays: boolean;
}

/** Before the first place whose middle is below the pointer. */
export function landingAt(y: number, name: string, places: readonly Standing[]): Landing {
  const names = places.map((each) => each.name);
  const before = places.find(({ el }) => middle(el) > y)?.name ?? null;
  const own = names.indexOf(name);
  return { before, stays: before === name || before === (names[own + 1] ?? null) };
}

function middle(el: HTMLElement): number {
  const { top, height } = el.getBoundingClientRect();
  return top + height / 2;
}

function boxOf(places: readonly Standing[], name: string): DOMRect | undefined {
  return places.find((each) => each.name === name)?.el.getBoundingClientRect();
}

/** While the pointer is near its upper or lower end, what scrolls around the views scrolls on. A wheel scrolls it as well. */
function keepScrolling(views: HTMLElement, pointer: () => number, onScroll: () => void, signal: AbortSignal): void {
  const scrolling = scrollerOf(views);
  let { top: before } = views.getBoundingClientRect();
  const frame = () => {
    if (signal.aborted) return;
    const { top, bottom } = visible(scrolling);
    const reach = (bottom - top) * EDGE;
    const above = (top + reach - pointer()) / reach;
    const below = (pointer() - bottom + reach) / reach;
    const by = (below > 0 ? Math.min(1, below) : -Math.min(1, Math.max(0, above))) * FASTEST;
    if (by !== 0) scrolling.scrollTop += by;
    const now = views.getBoundingClientRect().top;
    if (now !== before) onScroll();
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

function scrollerOf(el: HTMLElement): Element {
  for (let at: Element | null = el; at && at !== document.body; at = at.parentElement) {
    if (at.scrollHeight > at.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  }
  return document.scrollingElement ?? document.documentElement;
}

/** The part of the window that it scrolls in. */
function visible(scrolling: Element): { top: number; bottom: number } {
  if (scrolling === document.scrollingElement) return { top: 0, bottom: innerHeight };
  const { top, bottom } = scrolling.getBoundingClientRect();
  return { top: Math.max(0, top), bottom: Math.min(innerHeight, bottom) };
}
