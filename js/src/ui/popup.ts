// A button that opens a panel under it. Escape and a click elsewhere close it.

import { element, freshId } from "./dom";
import { take } from "./keys";

export interface Popup {
  el: HTMLElement;
  panel: HTMLElement;
  open(): void;
  close(): void;
}

export function popup(button: HTMLButtonElement, panel: HTMLElement, signal: AbortSignal): Popup {
  const el = element("span", { class: "tb-popup" }, button, panel);
  panel.id = freshId("panel");
  panel.classList.add("tb-popup-panel");
  panel.hidden = true;
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", panel.id);

  const show = (open: boolean) => {
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) keepInView(el, panel);
  };
  button.addEventListener("click", () => show(Boolean(panel.hidden)), { signal });
  el.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || panel.hidden) return;
      take(event);
      show(false);
      button.focus();
    },
    { signal },
  );
  const away = (event: Event) => {
    if (!event.composedPath().includes(el)) show(false);
  };
  // In the capture phase: the handle of a view stops the event later.
  document.addEventListener("pointerdown", away, { signal, capture: true });
  return { el, panel, open: () => show(true), close: () => show(false) };
}

/** A panel hangs from the right edge of its button. Near the left edge of the view it would be cut off, so move it. */
export function keepInView(el: HTMLElement, panel: HTMLElement): void {
  panel.style.right = "0";
  const view = el.closest(".tb")?.getBoundingClientRect();
  const missing = (view?.left ?? 0) + 8 - panel.getBoundingClientRect().left;
  if (missing > 0) panel.style.right = `${-missing}px`;
}
