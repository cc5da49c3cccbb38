// Which slice is shown: the one that was wanted last. The old one stays while another is on its way. A kernel is asked at once;
// if somebody moves on before it could answer, with a key held down, it is asked again for where that ends.

import { PATIENCE_MS, SETTLE_MS } from "../ui/settle";
import type { Source } from "./source";

export interface Wanted<At> {
  /** Show this one as soon as it is here. True if it was, and `onSlice` has been called. One that failed is not asked for again. */
  want(at: At): boolean;
  /** Ask again for the one that was wanted last. */
  retry(): void;
}

export interface WantedSpec<At, Part> {
  source: Source<At, Part>;
  /** What is shown already; null where nothing is. */
  first: Part | null;
  /** Another slice is to be shown. */
  onSlice: (slice: Part) => void;
  /** It takes a while (where the slice is), and whether nobody has answered; or it no longer does (null). */
  onBusy: (at: At | null, isSilent: boolean) => void;
  /** There is none; null when that is no longer so. */
  onError: (error: unknown, at: At) => void;
}

export function wanted<At, Part extends At>(
  { source, first, onSlice, onBusy, onError }: WantedSpec<At, Part>,
  signal: AbortSignal,
): Wanted<At> {
  let shown = first;
  let last: At | null = first;
  /** Whether the last one failed. Whoever moves something else in the selection does not mean it again. */
  let failed = false;
  let asking: AbortController | null = null;
  /** When one that was not here was wanted last. */
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
    // What was lost is asked again after a ping, and pings are sent while somebody listens: outside a bench nobody else does.
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
    // Another one was wanted meanwhile.
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
    // A kernel that has answered meanwhile is as quick as who asks it.
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
