// When a kernel is asked by somebody who moves on quickly.

/** Who steps through a text with a key held down means where it ends. */
export const SETTLE_MS = 150;
