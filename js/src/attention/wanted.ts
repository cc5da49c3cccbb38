// Which slice is shown: the one that was wanted last. The old one stays while another is on its way.

import type { HeadSlice, Whose } from "../attention";
import { isSame } from "../attention";
import type { Source } from "./source";

/** How long it may take before anybody is told that it takes. */
export const PATIENCE_MS = 150;

export interface Wanted {
  /** What is shown now. */
  readonly slice: HeadSlice;
  /** Show this one as soon as it is here. True if it was, and `onSlice` has been called. */
  want(whose: Whose): boolean;
}

export interface WantedSpec {
  source: Source;
  first: HeadSlice;
  /** Another slice is to be shown. */
  onSlice: (slice: HeadSlice) => void;
  /** It takes a while (whose slice it is), or no longer does (null). */
  onBusy: (whose: Whose | null) => void;
  /** There is none; null when that is no longer so. */
  onError: (error: unknown) => void;
}

export function wanted({ source, first, onSlice, onBusy, onError }: WantedSpec, signal: AbortSignal): Wanted {
  let shown = first;
  let asked: Whose = first;
  let asking: AbortController | null = null;
  const stop = () => {
    asking?.abort();
    asking = null;
    onBusy(null);
  };
  signal.addEventListener("abort", stop, { once: true });
  const show = (slice: HeadSlice) => {
    const other = slice !== shown;
    shown = slice;
    if (other) onSlice(slice);
    return other;
  };
  const fetchSlice = async (whose: Whose, life: AbortController) => {
    const late = setTimeout(() => onBusy(whose), PATIENCE_MS);
    life.signal.addEventListener("abort", () => clearTimeout(late));
    let act: () => void;
    try {
      const slice = await source.get(whose, { signal: life.signal });
      act = () => show(slice);
    } catch (error) {
      act = () => onError(error);
    }
    // Another one was wanted meanwhile.
    if (asking !== life) return;
    stop();
    act();
  };
  return {
    get slice() {
      return shown;
    },
    want: (whose) => {
      if (signal.aborted || (asking !== null && isSame(whose, asked))) return false;
      stop();
      asked = whose;
      onError(null);
      const here = isSame(whose, shown) ? shown : source.held(whose);
      if (here) return show(here);
      asking = new AbortController();
      void fetchSlice(whose, asking);
      return false;
    },
  };
}
