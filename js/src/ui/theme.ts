// Which theme an element is in, and colours of theme.css as numbers for what is not drawn by CSS.

/** Whether the element is in a dark theme: asks CSS, which alone knows what decides it. */
export function isDark(el: Element): boolean {
  return resolveColor(el, "light-dark(rgb(255, 255, 255), rgb(0, 0, 0))") === "rgb(0, 0, 0)";
}

/** Any CSS colour, variables included, as the browser computes it here. */
export function resolveColor(el: Element, color: string): string {
  const probe = document.createElement("span");
  probe.style.color = color;
  el.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  return computed || color;
}

/** Hear when the element's theme changes: by the system, JupyterLab, VS Code or the page. */
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
