// Copying text: by the clipboard where the host allows it, else from a dialog where the text can be selected.

import { element } from "./dom";

/** Copies, and says so on the button for a moment. */
export async function copyText(text: string, button: HTMLElement): Promise<void> {
  const label = button.textContent;
  // Frames without permission and pages opened from a file are refused, or have no clipboard at all.
  const copied = await (navigator.clipboard?.writeText(text) ?? Promise.reject()).then(
    () => true,
    () => false,
  );
  if (!copied) return showText(text, button);
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = label;
  }, 1_500);
}

export function copyButton(label: string, text: () => string): HTMLButtonElement {
  const button = element("button", { class: "tb-button", type: "button" }, label);
  button.addEventListener("click", () => copyText(text(), button));
  return button;
}

function showText(text: string, near: HTMLElement): void {
  const area = element("textarea", { readonly: true, "aria-label": "Text to copy" });
  area.value = text;
  const close = element("button", { class: "tb-button", type: "button" }, "Close");
  const intro = "This page may not use the clipboard. Copy the selected text:";
  const dialog = element("dialog", { class: "tb-dialog" }, intro, area, close);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  (near.closest(".tb") ?? document.body).append(dialog);
  dialog.showModal();
  area.select();
}
