import { afterEach, expect, test, vi } from "vitest";
import { nearFirst, WHOLE } from "../../src/ui/near";
import { SETTLE_MS } from "../../src/ui/settle";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Ten lines of 50 pixels; 100 pixels are visible and 60 more are near. `laidOut` reports that the browser has measured them. */
function scrolling() {
  vi.useFakeTimers();
  let laidOut = () => {};
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(callback: () => void) {
        laidOut = callback;
      }
      observe() {}
      disconnect() {}
    },
  );
  const el = document.createElement("div");
  Object.defineProperty(el, "clientHeight", { value: 100 });
  const pieces = Array.from({ length: 10 }, (_, i) => {
    const piece = document.createElement("span");
    Object.defineProperty(piece, "offsetTop", { value: 7 + 50 * i });
    return piece;
  });
  const life = new AbortController();
  const paint = nearFirst(el, pieces, life.signal);
  const drawn: number[] = [];
  const again = () => {
    drawn.length = 0;
    paint((index) => drawn.push(index));
  };
  return { el, again, drawn, life, laidOut: () => laidOut() };
}

test("before anything is laid out, everything is drawn at once", () => {
  const { again, drawn } = scrolling();
  again();
  expect(drawn).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("visible pieces are drawn at once, the others when the reader pauses or when they scroll into view", () => {
  const { el, again, drawn, laidOut } = scrolling();
  laidOut();
  again();
  expect(drawn).toEqual([0, 1, 2, 3]);
  el.scrollTop = 300;
  el.dispatchEvent(new Event("scroll"));
  expect(drawn).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9]);
  vi.advanceTimersByTime(SETTLE_MS);
  expect(drawn).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9, 4]);
  vi.advanceTimersByTime(10 * SETTLE_MS);
  expect(drawn.length).toBe(10);
});

test("another step drops waiting pieces; a picture and printing draw all pieces", () => {
  const { el, again, drawn, laidOut } = scrolling();
  laidOut();
  again();
  again();
  el.dispatchEvent(new Event(WHOLE));
  expect(drawn).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  vi.advanceTimersByTime(SETTLE_MS);
  expect(drawn.length).toBe(10);
  again();
  dispatchEvent(new Event("beforeprint"));
  expect(drawn.length).toBe(10);
});

test("nothing is drawn when the view is gone", () => {
  const { again, drawn, life, laidOut } = scrolling();
  laidOut();
  again();
  life.abort();
  vi.advanceTimersByTime(SETTLE_MS);
  expect(drawn).toEqual([0, 1, 2, 3]);
});
