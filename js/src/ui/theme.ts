// The theme of an element, and the colours of theme.css as numbers for drawings that CSS does not paint.

/** Whether the element is in a dark theme. Only CSS sees everything that decides this, so ask CSS. */
export function isDark(el: Element): boolean {
  return resolveColor(el, "light-dark(rgb(255, 255, 255), rgb(0, 0, 0))") === "rgb(0, 0, 0)";
}

/** The browser's computed value of any CSS colour, also of a variable, at this element. */
export function resolveColor(el: Element, color: string): string {
  const probe = document.createElement("span");
  probe.style.color = color;
  el.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  return computed || color;
}

/** Calls back when the system, JupyterLab, VS Code or the page changes the element's theme. */
export function onThemeChange(el: Element, callback: (dark: boolean) => void, signal: AbortSignal): void {
  let dark = isDark(el);
  const look = () => {
    if (isDark(el) === dark) return;
    dark = !dark;
    callback(dark);
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", look, { signal });
  const observer = new MutationObserver(look);
  const attributeFilter = ["data-theme", "data-jp-theme-light", "data-vscode-theme-kind", "class"];
  for (const root of [document.documentElement, document.body]) observer.observe(root, { attributes: true, attributeFilter });
  signal.addEventListener("abort", () => observer.disconnect());
}
