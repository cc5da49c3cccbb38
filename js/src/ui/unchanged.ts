// Of most that is on a page a key changes nothing. What is written all the same is styled, laid out and painted anew.

/** Draws when it is called with something else than the last time. */
export function whenOther<What extends readonly unknown[]>(draw: (...what: What) => void): (...what: What) => void {
  let before: What | null = null;
  return (...what) => {
    if (before?.every((each, i) => Object.is(each, what[i]))) return;
    // One that fails half-way stands for nothing: whatever comes next is drawn.
    before = null;
    draw(...what);
    before = what;
  };
}

/** Writes text where it is another. */
export function write(el: HTMLElement, text: string): void {
  if (el.textContent !== text) el.textContent = text;
}
