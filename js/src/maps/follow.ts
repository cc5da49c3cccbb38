// Keeps a view up to date when its size, the selection or the theme changes.

import type { Selection } from "../selection";
import { onResize } from "../ui/dom";
import { onThemeChange } from "../ui/theme";

export interface Following {
  /** The elements whose size decides the layout. */
  sized: readonly Element[];
  layOut: () => void;
  update: () => void;
  onTheme: (dark: boolean) => void;
}

export function follow(
  el: HTMLElement,
  { sized, layOut, update, onTheme }: Following,
  selection: Selection,
  signal: AbortSignal,
) {
  layOut();
  update();
  onResize(sized, layOut, signal);
  selection.on(update, signal);
  onThemeChange(
    el,
    (dark) => {
      onTheme(dark);
      update();
    },
    signal,
  );
}
