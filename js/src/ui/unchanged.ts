// Skips writes that change nothing. A key press changes little of a page, but every write costs style, layout and paint.

/** Wraps `draw`: it runs only when an argument differs from the last call. */
export function ifChanged<What extends readonly unknown[]>(draw: (...what: What) => void): (...what: What) => void {
  let before: What | null = null;
  return (...what) => {
    if (before?.every((each, i) => Object.is(each, what[i]))) return;
    // Forget the arguments first: if `draw` throws, the next call draws again.
    before = null;
    draw(...what);
    before = what;
  };
}

/** Sets the text of an element where it differs. */
export function write(el: HTMLElement, text: string): void {
  if (el.textContent !== text) el.textContent = text;
}
