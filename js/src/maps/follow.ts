// Keeps what is shown up to date with what is around it: the room, the selection, the theme.

import type { Selection } from "../selection";
import { onResize } from "../ui/dom";
import { onThemeChange } from "../ui/theme";

export interface Following {
  /** Whose size decides how it is laid out. */
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
