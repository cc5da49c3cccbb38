// The checks of a result: a quiet summary that turns amber or red, and opens the list of checks.

import { element } from "./ui/dom";
import { short } from "./ui/format";
import { popup } from "./ui/popup";

export interface Check {
  name: string;
  kind: "identity" | "measure";
  state: "holds" | "amber" | "broken";
  value: number | null;
  limit: number;
  unit: string;
  meaning: string;
}

export const SIGNS = { holds: "✓", amber: "!", broken: "✗" };

/** The worst state among the checks. */
export function worst(checks: readonly Check[]): Check["state"] {
  const states = checks.map(({ state }) => state);
  return states.includes("broken") ? "broken" : states.includes("amber") ? "amber" : "holds";
}

/** "7 of 7 checks hold". */
export function summary(checks: readonly Check[]): string {
  const holding = checks.filter(({ state }) => state === "holds").length;
  const noun = checks.length === 1 ? "check holds" : "checks hold";
  return `${SIGNS[worst(checks)]} ${holding} of ${checks.length} ${noun}`;
}

/** The summary as a button that opens the list. */
export function checksWord(checks: readonly Check[], signal: AbortSignal): HTMLElement {
  if (checks.length === 0) return element("span", { class: "tb-note", title: "This result has no checks." }, "no checks");
  const state = worst(checks);
  const button = element("button", { class: "tb-check-word", type: "button", "data-check": state }, summary(checks));
  return popup(button, element("div", { role: "group", "aria-label": "Checks" }, checkList(checks)), signal).el;
}

/** A place for the summary of the newest answer. */
export function checksPlace(signal: AbortSignal): { el: HTMLElement; show(checks: readonly Check[]): void } {
  const el = element("span", { class: "tb-checks" });
  let shown = new AbortController();
  return {
    el,
    show: (checks) => {
      shown.abort();
      shown = new AbortController();
      el.replaceChildren(checksWord(checks, AbortSignal.any([signal, shown.signal])));
    },
  };
}

/** The list of checks; those that do not hold come first. */
export function checkList(checks: readonly Check[]): HTMLElement {
  const wrong = checks.filter(({ state }) => state !== "holds");
  const all = [...wrong, ...checks.filter((check) => !wrong.includes(check))];
  return element("ul", { class: "tb-check-list" }, ...all.map(checkItem));
}

function checkItem({ name, kind, state, value, limit, unit, meaning }: Check): HTMLElement {
  const stateWord = { holds: "holds", amber: "over its limit", broken: "BROKEN" }[state];
  return element(
    "li",
    {},
    element("b", { "data-check": state }, `${SIGNS[state]} ${name}`),
    ` ${stateWord}: ${short(value)}, limit ${short(limit)}${unit ? ` ${unit}` : ""}`,
    element("span", { class: "tb-note" }, kind === "identity" ? " · must hold" : " · measured"),
    element("p", {}, meaning),
  );
}
