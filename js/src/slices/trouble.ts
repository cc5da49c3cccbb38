// Says that a slice is loading, or that there is none. Then it shows the Python that computes it, or a button to ask again.

import { isAbsent } from "../requests/ask";
import { WAITING } from "../requests/states";
import { copyButton } from "../ui/copy";
import { element } from "../ui/dom";

export interface Trouble {
  el: HTMLElement;
  /** `isSilent`: the kernel has not answered. A null name means that nothing is loading. */
  busy(name: string | null, isSilent: boolean): void;
  /** A null error means that the last one is over. */
  failed(error: unknown, name: string): void;
}

export function trouble(retry: () => void): Trouble {
  const el = element("div", { class: "tb-trouble", "aria-live": "polite" });
  return {
    el,
    busy: (name, isSilent) => {
      el.textContent = name === null ? "" : isSilent ? WAITING : `Loading ${name} …`;
    },
    failed: (error, name) => {
      el.replaceChildren();
      if (error === null) return;
      el.append(`Cannot show ${name}: ${error instanceof Error ? error.message : String(error)}`);
      if (!isAbsent(error)) {
        const again = element("button", { class: "tb-button", type: "button" }, "Ask again");
        again.addEventListener("click", () => {
          // The pressed button disappears, so move its focus.
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
