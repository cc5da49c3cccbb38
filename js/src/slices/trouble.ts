// What is said of a slice that is on its way, or is not to be had: then with the Python that would compute it, or a way to
// ask again.

import { isAbsent } from "../requests/ask";
import { WAITING } from "../requests/states";
import { copyButton } from "../ui/copy";
import { element } from "../ui/dom";

export interface Trouble {
  el: HTMLElement;
  /** Null when it is no longer on its way; while it is, whether nobody has answered. */
  busy(name: string | null, isSilent: boolean): void;
  /** `error` is null when there is none any more. */
  failed(error: unknown, name: string): void;
}

export function trouble(retry: () => void): Trouble {
  const el = element("div", { class: "tb-trouble", "aria-live": "polite" });
  return {
    el,
    busy: (name, isSilent) => {
      el.textContent = name === null ? "" : isSilent ? WAITING : `Asking for ${name} …`;
    },
    failed: (error, name) => {
      el.replaceChildren();
      if (error === null) return;
      el.append(`There is no ${name} here: ${error instanceof Error ? error.message : String(error)}`);
      if (!isAbsent(error)) {
        const again = element("button", { class: "tb-button", type: "button" }, "Ask again");
        again.addEventListener("click", () => {
          // The button goes; whoever pressed it stays here.
          el.tabIndex = -1;
          el.focus({ preventScroll: true });
          retry();
        });
        el.append(" ", again);
      } else if (error.code) {
        const { code } = error;
        el.append(
          " This Python computes it: ",
          element("code", {}, code),
          " ",
          copyButton("Copy code", () => code),
        );
      }
    },
  };
}
