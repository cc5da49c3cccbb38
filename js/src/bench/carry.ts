// Drags a view by its handle, with a mouse, a pen or a finger. A line shows where it will land.

import { element, svg } from "../ui/dom";
import { take } from "../ui/keys";
import { spoken } from "./arrangement";

/** A movement of fewer pixels is a click. */
const BEGINS = 5;
/** Near its edges the scrolling box scrolls: the share of its height that is near, and the most pixels in a frame. */
const EDGE = 0.15;
const FASTEST = 22;

export interface ShownPlace {
  name: string;
  el: HTMLElement;
}

export interface Carrying {
  name: string;
  /** The element around all places, which holds the line. */
  views: HTMLElement;
  /** The visible places, in order. */
  visible: () => readonly ShownPlace[];
  /** Called with the name of the place to land before, or null for the end. */
  onDrop: (before: string | null) => void;
}

/** The handle. Without a pointer, use the buttons beside the title. */
export function grip({ name, views, visible, onDrop }: Carrying, signal: AbortSignal): HTMLElement {
  const title = `Drag to move ${spoken(name)} (Escape cancels)`;
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
    const landing = () => landingAt(y, name, visible());
    const covered = () => views.previousElementSibling?.getBoundingClientRect().bottom ?? 0;
    const draw = () => {
      const places = visible();
      const { stays, before } = landing();
      const edge = before === null ? places.at(-1)?.el.getBoundingClientRect().bottom : boxOf(places, before)?.top;
      // The next place may be outside the window, or under the head of the bench.
      const shown = Math.min(innerHeight - 14, Math.max(edge ?? 0, covered()));
      line.style.top = `${shown - views.getBoundingClientRect().top}px`;
      line.toggleAttribute("data-stays", stays);
      const label = stays ? `${spoken(name)} stays` : before === null ? `${spoken(name)} last` : `before ${spoken(before)}`;
      if (words.textContent !== label) words.textContent = label;
    };
    const begin = () => {
      begun = true;
      for (const each of visible()) each.el.toggleAttribute("data-carried", each.name === name);
      views.append(line);
      views.toggleAttribute("data-landing", true);
      keepScrolling(views, () => y, draw, until.signal);
    };
    until.signal.addEventListener("abort", () => {
      line.remove();
      views.toggleAttribute("data-landing", false);
      for (const { el } of visible()) el.removeAttribute("data-carried");
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
    // In the capture phase: Escape also has a meaning in a notebook and in an enlarged view.
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
  /** Whether the view would stay at its place. */
  stays: boolean;
}

/** Lands before the first place whose middle is below the pointer. */
export function landingAt(y: number, name: string, places: readonly ShownPlace[]): Landing {
  const names = places.map((each) => each.name);
  const before = places.find(({ el }) => middle(el) > y)?.name ?? null;
  const own = names.indexOf(name);
  return { before, stays: before === name || before === (names[own + 1] ?? null) };
}

function middle(el: HTMLElement): number {
  const { top, height } = el.getBoundingClientRect();
  return top + height / 2;
}

function boxOf(places: readonly ShownPlace[], name: string): DOMRect | undefined {
  return places.find((each) => each.name === name)?.el.getBoundingClientRect();
}

/** Scrolls the box around the views while the pointer is near its upper or lower edge. A wheel scrolls it as well. */
function keepScrolling(views: HTMLElement, pointer: () => number, onScroll: () => void, signal: AbortSignal): void {
  const scrolling = scrollerOf(views);
  let { top: before } = views.getBoundingClientRect();
  const frame = () => {
    if (signal.aborted) return;
    const { top, bottom } = visiblePart(scrolling);
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

/** The visible part of the scrolling box. */
function visiblePart(scrolling: Element): { top: number; bottom: number } {
  if (scrolling === document.scrollingElement) return { top: 0, bottom: innerHeight };
  const { top, bottom } = scrolling.getBoundingClientRect();
  return { top: Math.max(0, top), bottom: Math.min(innerHeight, bottom) };
}
