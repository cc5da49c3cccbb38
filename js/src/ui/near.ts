// Of many pieces in something that scrolls, those in sight are drawn at once, the others when they come into sight, or when
// nothing more happens for a moment: who steps through a long text waits for what can be seen.

import { onResize } from "./dom";
import { SETTLE_MS } from "./settle";

/** A piece that begins so much above what is in sight may reach into it; and a line may have wrapped since it was measured. */
const REACH = 60;
/** Asks for everything, at once: for a picture of the whole. */
export const WHOLE = "tb-whole";

/** What it returns has every piece drawn, by its index, in place of what was still to be drawn. */
export function nearFirst(
  scrolling: HTMLElement,
  pieces: readonly HTMLElement[],
  signal: AbortSignal,
): (draw: (index: number) => void) => void {
  // As it was last laid out: to measure here would lay it out once more.
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
