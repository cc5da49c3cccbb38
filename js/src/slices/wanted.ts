// Shows the slice that was wanted last; the old one stays while it loads. The first request goes out at once. If the reader moves
// on before the answer, as with a key held down, the next request waits until the moves end.

import { PATIENCE_MS, SETTLE_MS } from "../ui/settle";
import type { Source } from "./source";

export interface Wanted<At> {
  /** Shows a slice as soon as it is here; true if it was, and `onSlice` was called. Does not ask again after an error. */
  want(at: At): boolean;
  /** Asks again for the slice that was wanted last. */
  retry(): void;
}

export interface WantedSpec<At, Part> {
  source: Source<At, Part>;
  /** The slice that is already shown; null if there is none. */
  first: Part | null;
  /** Shows another slice. */
  onSlice: (slice: Part) => void;
  /** Says that the slice at this place takes time, and whether the kernel is silent; null when nothing is loading. */
  onBusy: (at: At | null, isSilent: boolean) => void;
  /** Says that there is no such slice; null when that is over. */
  onError: (error: unknown, at: At) => void;
}

export function wanted<At, Part extends At>(
  { source, first, onSlice, onBusy, onError }: WantedSpec<At, Part>,
  signal: AbortSignal,
): Wanted<At> {
  let shown = first;
  let last: At | null = first;
  /** Whether the last slice failed. Another change of the selection must not ask for it again. */
  let failed = false;
  let asking: AbortController | null = null;
  /** The time when a missing slice was last wanted. */
  let moved = Number.NEGATIVE_INFINITY;
  const isLast = (at: At) => last !== null && source.nameOf(at) === source.nameOf(last);
  const stop = () => {
    asking?.abort();
    asking = null;
    onBusy(null, false);
  };
  signal.addEventListener("abort", stop, { once: true });
  const show = (slice: Part) => {
    const other = slice !== shown;
    shown = slice;
    if (other) onSlice(slice);
    return other;
  };
  const fetchSlice = async (at: At, life: AbortController) => {
    const { liveness } = source.answers;
    let isLate = false;
    const tell = (isSilent: boolean) => {
      if (isLate || isSilent) onBusy(at, isSilent);
    };
    const late = setTimeout(() => {
      isLate = true;
      tell(liveness.silent);
    }, PATIENCE_MS);
    // Listen for as long as a slice is loading. Lost messages are sent again after a ping, and only listeners cause pings.
    liveness.on(tell, life.signal);
    life.signal.addEventListener("abort", () => clearTimeout(late));
    let act: () => void;
    try {
      const slice = await source.get(at, { signal: life.signal });
      act = () => show(slice);
    } catch (error) {
      act = () => {
        failed = true;
        onError(error, at);
      };
    }
    // Another slice was wanted in the meantime.
    if (asking !== life) return;
    stop();
    act();
  };
  const ask = (at: At, settles: boolean) => {
    const life = new AbortController();
    asking = life;
    if (!settles) {
      void fetchSlice(at, life);
      return;
    }
    const rest = setTimeout(() => void fetchSlice(at, life), SETTLE_MS);
    life.signal.addEventListener("abort", () => clearTimeout(rest));
  };
  const want = (at: At) => {
    if (signal.aborted || ((asking !== null || failed) && isLast(at))) return false;
    // The kernel has answered since: it keeps up, so ask at once.
    const hurries = asking !== null && performance.now() - moved < SETTLE_MS;
    stop();
    last = at;
    failed = false;
    onError(null, at);
    const here = shown !== null && source.nameOf(at) === source.nameOf(shown) ? shown : source.held(at);
    if (here) return show(here);
    moved = performance.now();
    ask(at, hurries && !source.answers.offline);
    return false;
  };
  return {
    want,
    retry: () => {
      if (!failed || last === null) return;
      failed = false;
      onError(null, last);
      ask(last, false);
    },
  };
}
