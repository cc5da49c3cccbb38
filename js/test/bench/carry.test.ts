import { afterEach, expect, test, vi } from "vitest";
import { grip } from "../../src/bench/carry";
import { popup } from "../../src/ui/popup";

/** Two places of 100 px each, one under the other; `scrolled` moves them up. */
function carried() {
  let scrolled = 0;
  const frames: FrameRequestCallback[] = [];
  vi.stubGlobal("requestAnimationFrame", (frame: FrameRequestCallback) => frames.push(frame));
  const views = document.createElement("div");
  const places = ["a", "b", "c"].map((name, i) => {
    const el = document.createElement("div");
    el.getBoundingClientRect = () => new DOMRect(0, i * 100 - scrolled, 100, 100);
    views.append(el);
    return { name, el };
  });
  views.getBoundingClientRect = () => new DOMRect(0, -scrolled, 100, 300);
  document.body.replaceChildren(views);
  const dropped: (string | null)[] = [];
  const life = new AbortController();
  const onDrop = (before: string | null) => dropped.push(before);
  const handle = grip({ name: "a", views, visible: () => places, onDrop }, life.signal);
  places[0]?.el.append(handle);
  const point = (kind: string, y: number) =>
    handle.dispatchEvent(new PointerEvent(kind, { button: 0, isPrimary: true, pointerId: 1, clientY: y, bubbles: true }));
  const scroll = (by: number) => {
    scrolled += by;
    for (const frame of frames.splice(0)) frame(0);
  };
  const words = () => views.querySelector(".tb-landing-words")?.textContent;
  return { point, scroll, words, dropped, life, frames, views };
}

afterEach(() => vi.unstubAllGlobals());

test("the line shows where the view lands, also after a wheel scrolled the page", () => {
  const { point, scroll, words, dropped } = carried();
  point("pointerdown", 10);
  point("pointermove", 120);
  expect(words()).toBe("a stays");
  scroll(50);
  expect(words()).toBe("before c");
  point("pointerup", 120);
  expect([words(), dropped]).toEqual([undefined, ["c"]]);
});

test("Escape, a lost pointer and the end of the bench cancel the drag", () => {
  for (const give of ["Escape", "lostpointercapture", "pointercancel", "end"]) {
    const { point, scroll, words, dropped, life, frames, views } = carried();
    point("pointerdown", 10);
    point("pointermove", 290);
    expect(words()).toBe("a last");
    if (give === "Escape") window.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", cancelable: true }));
    else if (give === "end") life.abort();
    else point(give, 290);
    point("pointermove", 20);
    point("pointerup", 290);
    scroll(1);
    expect([words(), dropped, frames.length, views.querySelector("[data-carried]")]).toEqual([undefined, [], 0, null]);
  }
});

test("an open menu closes when a drag begins", () => {
  const { point, views, life } = carried();
  const open = popup(document.createElement("button"), document.createElement("div"), life.signal);
  views.before(open.el);
  open.open();
  point("pointerdown", 10);
  expect(open.panel.hidden).toBe(true);
});
