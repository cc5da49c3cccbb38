// How many checks of everything in sight hold; which view it is where one does not; and the list of them, view by view.

import type { Check } from "../checks";
import { checkItem, SIGNS, summary, worst } from "../checks";
import { element } from "../dom";
import { popup } from "../popup";
import { spoken } from "./arrangement";
import type { Proofs } from "./in_sight";

export interface ProofsPlace {
  el: HTMLElement;
  show(proofs: readonly Proofs[]): void;
}

/** `lead` brings the reader to a view. */
export function proofsPlace(lead: (view: string) => void, signal: AbortSignal): ProofsPlace {
  const el = element("span", { class: "tb-checks tb-proofs" });
  let life = new AbortController();
  let shown: readonly Check[] = [];
  let close = () => {};
  const leading = (view: string, word: string, more: Record<string, string>) => {
    const title = `Go to ${spoken(view)}`;
    const button = element("button", { class: "tb-check-lead", type: "button", "data-leads": view, title, ...more }, word);
    button.addEventListener("click", () => {
      close();
      lead(view);
    });
    return button;
  };
  return {
    el,
    show: (proofs) => {
      const all = proofs.flatMap(({ checks }) => checks);
      // Drawn anew only when they change: the list may be open.
      if (all.length === shown.length && all.every((check, i) => check === shown[i])) return;
      shown = all;
      life.abort();
      life = new AbortController();
      const word = element("button", { class: "tb-check-word", type: "button", "data-check": worst(all) }, summary(all));
      const list = element("div", { role: "group", "aria-label": "Checks, view by view" });
      for (const { view, checks } of proofs) {
        list.append(leading(view, spoken(view), {}), element("ul", { class: "tb-check-list" }, ...checks.map(checkItem)));
      }
      const wrong = proofs.filter(({ checks }) => worst(checks) !== "holds");
      const named = wrong.map(({ view, checks }) => {
        const state = worst(checks);
        const names = checks.filter((check) => check.state !== "holds").map(({ name }) => name);
        const label = `${names.join(", ")}: go to ${spoken(view)}`;
        return leading(view, `${SIGNS[state]} ${spoken(view)}`, { "data-check": state, "aria-label": label });
      });
      const until = AbortSignal.any([signal, life.signal]);
      const opening = popup(word, list, until);
      close = opening.close;
      el.replaceChildren(opening.el, ...named);
    },
  };
}
