// Draws the visible pieces of a scrolling text first, so that a step through a long text is fast. Draws the others when they
// scroll into view, or when nothing has happened for a moment.

import { onResize } from "./dom";
import { SETTLE_MS } from "./settle";

/** Pixels around the visible part that count as visible: a piece may reach into it, or a line may have wrapped since. */
const REACH = 60;
/** The event that draws all pieces at once, for a picture of the whole text. */
export const WHOLE = "tb-whole";

/** The returned function draws all pieces anew, each by its index, and drops what was still waiting. */
export function nearFirst(
  scrolling: HTMLElement,
  pieces: readonly HTMLElement[],
  signal: AbortSignal,
): (draw: (index: number) => void) => void {
  // Positions from the last layout: measuring here would force another one.
  let tops: readonly number[] = [];
  let [scrolled, room] = [0, 0];
  let draw: (index: number) => void = () => {};
  let waiting = new Set<number>();
  let quiet: ReturnType<typeof setTimeout> | undefined;
  const isNear = (index: number) => {
    const top = tops[index];
    return top === undefined || (top > scrolled - REACH && top < scrolled + room + REACH);
  };
  const drawn = (which: (index: number) => boolean) => {
    for (const index of waiting) {
      if (!which(index)) continue;
      waiting.delete(index);
      draw(index);
    }
  };
  const look = () => {
    scrolled = scrolling.scrollTop;
    drawn(isNear);
  };
  const all = () => drawn(() => true);
  const measure = () => {
    const first = pieces[0]?.offsetTop ?? 0;
    tops = pieces.map((piece) => piece.offsetTop - first);
    room = scrolling.clientHeight;
    look();
  };
  onResize([scrolling], measure, signal);
  scrolling.addEventListener("scroll", look, { signal, passive: true });
  scrolling.addEventListener(WHOLE, all, { signal });
  addEventListener("beforeprint", all, { signal });
  signal.addEventListener("abort", () => clearTimeout(quiet));
  return (next) => {
    draw = next;
    waiting = new Set(pieces.keys());
    drawn(isNear);
    clearTimeout(quiet);
    quiet = setTimeout(all, SETTLE_MS);
  };
}
