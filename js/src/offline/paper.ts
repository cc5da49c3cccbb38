// The saved page around the bench: its background, its width, and a button for the theme.

export const PAGE_CSS = `
:root { color-scheme: light dark; background: light-dark(#f7f8f9, #0f1215); }
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
main.tb-page { max-width: 1880px; margin: 14px auto; padding: 0 16px; }
main.tb-page > .tb-page-theme { display: block; margin: 8px 0 0 auto; padding: 2px 9px; border: 0; background: none;
  color: light-dark(#69737e, #8b96a3); font: 12px system-ui, sans-serif; cursor: pointer; }
main.tb-page > .tb-page-theme:focus-visible { outline: 2px solid light-dark(#4450c7, #98a3ff); outline-offset: 1px; }
`;

/** The theme follows the system until the button is pressed. */
export function themeButton(document: Document): HTMLButtonElement {
  const button = document.createElement("button");
  button.className = "tb-page-theme";
  button.type = "button";
  button.textContent = "light / dark";
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  return button;
}
