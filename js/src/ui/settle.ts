// How long to wait before acting on a reader who moves quickly, and before showing that something takes time.

/** Longer than the repeat of a key: while the reader holds a key down, only the last step counts. */
export const SETTLE_MS = 150;
/** How long an answer may take before the view says that it is loading. */
export const PATIENCE_MS = 150;
