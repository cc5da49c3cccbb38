// Which keys are ours, inside a notebook that has keys of its own.

/** Whether a key stands alone: with Shift, Ctrl, Alt or Meta it belongs to the page (Shift + Enter runs a notebook's cell). */
export function isBare({ shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent): boolean {
  return !(shiftKey || ctrlKey || altKey || metaKey);
}

/** The event was used here: neither the browser nor the notebook around acts on it as well. */
export function take(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
