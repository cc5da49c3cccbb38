// How long somebody who moves on quickly, or waits, is given.

/** Who steps through a text with a key held down means where it ends: a key repeats sooner than this. */
export const SETTLE_MS = 150;
/** How long something may take before anybody is told that it takes. */
export const PATIENCE_MS = 150;
