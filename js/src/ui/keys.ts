// Decides which key presses the bench handles: the notebook around it has keys of its own.

/** Whether a key has no modifier. With Shift, Ctrl, Alt or Meta it belongs to the notebook: Shift + Enter runs a cell. */
export function isBare({ shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent): boolean {
  return !(shiftKey || ctrlKey || altKey || metaKey);
}

/** Stops the event here, so that neither the browser nor the notebook acts on it too. */
export function take(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
