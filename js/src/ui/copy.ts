// Copies text to the clipboard. Where the host forbids this, opens a dialog with the text selected.

import { element } from "./dom";

/** How long a button says "Copied". */
const READ_MS = 1_500;

/** Buttons that say "Copied" -> their usual label, and the timer that restores it. */
const told = new WeakMap<HTMLElement, { label: string | null; timer: ReturnType<typeof setTimeout> }>();

/** Copies the text, and says so on the button for a moment. */
export async function copyText(text: string, button: HTMLElement): Promise<void> {
  // A frame without permission or a page opened from a file may not use the clipboard, or has none.
  const copied = await (navigator.clipboard?.writeText(text) ?? Promise.reject()).then(
    () => true,
    () => false,
  );
  if (copied) tell(button);
  else await showText(text, button);
}

function tell(button: HTMLElement): void {
  const before = told.get(button);
  clearTimeout(before?.timer);
  const label = before ? before.label : button.textContent;
  const restore = () => {
    told.delete(button);
    button.textContent = label;
  };
  button.textContent = "Copied";
  told.set(button, { label, timer: setTimeout(restore, READ_MS) });
}

export function copyButton(label: string, text: () => string): HTMLButtonElement {
  const button = element("button", { class: "tb-button", type: "button" }, label);
  button.addEventListener("click", () => copyText(text(), button));
  return button;
}

/** Resolves when the reader closes the dialog. */
function showText(text: string, near: HTMLElement): Promise<void> {
  const area = element("textarea", { readonly: true, "aria-label": "Text to copy" });
  area.value = text;
  const close = element("button", { class: "tb-button", type: "button" }, "Close");
  const intro = "This page may not use the clipboard. Copy the selected text:";
  const dialog = element("dialog", { class: "tb-dialog" }, intro, area, close);
  close.addEventListener("click", () => dialog.close());
  (near.closest(".tb") ?? document.body).append(dialog);
  dialog.showModal();
  area.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}
