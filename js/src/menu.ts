// What one can take away from a view: its code, its numbers, its picture.

import { capture } from "./capture";
import { copyText } from "./copy";
import { element, focusedIn, isBare, take } from "./dom";
import { popup } from "./popup";
import { paintCanvas } from "./scene_canvas";
import { resolveColor } from "./theme";

/** Pixels per unit in a PNG: sharp on paper and on dense screens. */
const PNG_RATIO = 2;

export interface MenuItem {
  label: string;
  run: (button: HTMLElement) => void | Promise<void>;
}

/** What a view can give; each is made when it is asked for. */
export interface Takeaways {
  /** The stem of file names. */
  name: string;
  code: () => string;
  csv: () => string;
}

export function viewMenu(root: HTMLElement, take: Takeaways, signal: AbortSignal): HTMLElement {
  return menu(
    [
      { label: "Copy code", run: (button) => copyText(take.code(), button) },
      { label: "Save numbers (CSV)", run: () => download(`${take.name}.csv`, new Blob([take.csv()], { type: "text/csv" })) },
      { label: "Save picture (PNG)", run: () => png(root, take) },
    ],
    signal,
  );
}

export function menu(items: readonly MenuItem[], signal: AbortSignal): HTMLElement {
  const button = element(
    "button",
    { class: "tb-button tb-menu-button", type: "button", "aria-haspopup": "menu", "aria-label": "Menu" },
    "⋯",
  );
  const panel = element("div", { role: "menu" });
  const { el, close } = popup(button, panel, signal);
  const buttons = items.map(({ label, run }) => {
    const item = element("button", { class: "tb-menu-item", role: "menuitem", type: "button", tabindex: -1 }, label);
    item.addEventListener("click", async () => {
      await run(item);
      // "Copied" stays to be read for a moment.
      setTimeout(close, item.textContent === label ? 0 : 900);
    });
    return item;
  });
  panel.append(...buttons);
  button.addEventListener("click", () => buttons[0]?.focus());
  panel.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !isBare(event)) return;
    take(event);
    const at = buttons.indexOf(focusedIn(panel) as HTMLButtonElement);
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  });
  return el;
}

async function png(root: HTMLElement, take: Takeaways): Promise<void> {
  const scene = capture(root);
  const paper = { kind: "rect", x: 0, y: 0, w: scene.width, h: scene.height, fill: "var(--tb-surface)" } as const;
  const known = new Map<string, string>();
  const resolve = (color: string) => {
    const resolved = known.get(color) ?? resolveColor(root, color);
    known.set(color, resolved);
    return resolved;
  };
  const canvas = paintCanvas({ ...scene, marks: [paper, ...scene.marks] }, PNG_RATIO, resolve);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob) download(`${take.name}.png`, blob);
}

function download(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
