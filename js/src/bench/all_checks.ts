// The checks of all visible views: how many hold, the views where one does not, and the list, view by view.

import { checkList, SIGNS, summary, worst } from "../checks";
import { edges, element, focusedIn } from "../ui/dom";
import type { Popup } from "../ui/popup";
import { popup } from "../ui/popup";
import { spoken } from "./arrangement";
import type { ViewChecks } from "./head";

export interface AllChecks {
  el: HTMLElement;
  show(views: readonly ViewChecks[]): void;
}

/** `lead` scrolls to a view. */
export function allChecks(lead: (view: string) => void, signal: AbortSignal): AllChecks {
  const el = element("span", { class: "tb-checks tb-all-checks" });
  let life = new AbortController();
  let shown = "[]";
  let list: Popup | null = null;
  const leading = (view: string, word: string, more: Record<string, string>) => {
    const title = `Go to ${spoken(view)}`;
    const button = element("button", { class: "tb-check-lead", type: "button", "data-leads": view, title, ...more }, word);
    button.addEventListener("click", () => {
      list?.close();
      lead(view);
    });
    return button;
  };
  return {
    el,
    show: (views) => {
      const all = views.flatMap(({ checks }) => checks);
      const now = JSON.stringify(views);
      if (now === shown) return;
      shown = now;
      const isOpen = list?.panel.hidden === false;
      const back = focusIn(el);
      life.abort();
      life = new AbortController();
      list = null;
      el.replaceChildren();
      if (all.length === 0) return;
      const word = element("button", { class: "tb-check-word", type: "button", "data-check": worst(all) }, summary(all));
      const byView = element("div", { class: "tb-all-checks-list", role: "group", "aria-label": "Checks, view by view" });
      const wrong = views.filter(({ checks }) => worst(checks) !== "holds");
      // First the checks that do not hold.
      for (const holds of [false, true]) {
        for (const { view, checks } of views) {
          const some = checks.filter(({ state }) => (state === "holds") === holds);
          if (some.length > 0) byView.append(leading(view, spoken(view), {}), checkList(some));
        }
      }
      const leads = wrong.map(({ view, checks }) => {
        const state = worst(checks);
        const names = checks.filter((check) => check.state !== "holds").map(({ name }) => name);
        const label = `${names.join(", ")}: go to ${spoken(view)}`;
        return leading(view, `${SIGNS[state]} ${spoken(view)}`, { "data-check": state, "aria-label": label });
      });
      const until = AbortSignal.any([signal, life.signal]);
      edges(byView, until);
      list = popup(word, element("div", {}, byView), until);
      el.append(list.el, ...leads);
      if (isOpen) list.open();
      back();
    },
  };
}

/** Returns a function that restores the focus after a redraw: on the button of the same view, else on the summary. */
function focusIn(el: HTMLElement): () => void {
  const focused = focusedIn(el);
  if (!(focused instanceof HTMLElement) || !el.contains(focused)) return () => {};
  const where = focused.closest(".tb-popup-panel") ? ".tb-all-checks-list" : ":scope";
  const view = focused.dataset.leads;
  return () => {
    const same = view && el.querySelector<HTMLElement>(`${where} > [data-leads="${view}"]`);
    (same || el.querySelector<HTMLElement>(".tb-check-word"))?.focus({ preventScroll: true });
  };
}
