// Which slice is shown: the one that was wanted last. The old one stays while another is on its way.

import type { Source } from "./source";

/** How long it may take before anybody is told that it takes. */
export const PATIENCE_MS = 150;

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
  /** It takes a while (where the slice is), or no longer does (null). */
  onBusy: (at: At | null) => void;
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
  const isLast = (at: At) => last !== null && source.nameOf(at) === source.nameOf(last);
  const stop = () => {
    asking?.abort();
    asking = null;
    onBusy(null);
  };
  signal.addEventListener("abort", stop, { once: true });
  const show = (slice: Part) => {
    const other = slice !== shown;
    shown = slice;
    if (other) onSlice(slice);
    return other;
  };
  const fetchSlice = async (at: At, life: AbortController) => {
    const late = setTimeout(() => onBusy(at), PATIENCE_MS);
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
  const want = (at: At) => {
    if (signal.aborted || ((asking !== null || failed) && isLast(at))) return false;
    stop();
    last = at;
    failed = false;
    onError(null, at);
    const here = shown !== null && source.nameOf(at) === source.nameOf(shown) ? shown : source.held(at);
    if (here) return show(here);
    asking = new AbortController();
    void fetchSlice(at, asking);
    return false;
  };
  return {
    want,
    retry: () => {
      if (!failed || last === null) return;
      failed = false;
      want(last);
    },
  };
}
