// The address of a page says what is selected: #step=2&layer=23.

import type { Fields, State, Steps } from "../selection";
import { position } from "../selection";
import type { StaticModel } from "./model";

const LINKED = ["step", "token", "layer", "head", "query", "key", "rank", "sample"] as const;

/** Selects what the address says, now and when it changes, and keeps it saying what is selected. */
export function linkAddress(selection: StaticModel, trace: Steps | null): void {
  const apply = () => {
    const change = parseHash(location.hash, trace);
    if (Object.keys(change).length === 0) return;
    const { seq, fields } = selection.get("_state") as State;
    selection.set("_state", { seq: seq + 1, fields: { ...fields, ...change } });
  };
  apply();
  addEventListener("hashchange", apply);
  selection.on("change:_state", () => {
    // A page in a frame made of text (srcdoc) has no address to write to.
    if (location.protocol === "about:" || (location.origin === "null" && location.protocol !== "file:")) return;
    history.replaceState(null, "", formatHash((selection.get("_state") as State).fields, trace));
  });
}

/** The fields that an address names. A step reads at its position unless the address says otherwise. */
export function parseHash(hash: string, trace: Steps | null): Partial<Fields> {
  const change: Partial<Record<(typeof LINKED)[number], number>> = {};
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    const known = LINKED.find((field) => field === name);
    if (known && /^-?\d+$/.test(value)) change[known] = Number(value);
  }
  const { step } = change;
  if (step !== undefined && trace) {
    if (step < 0 || step >= trace.steps) return {};
    change.query ??= position(trace, step);
  }
  return change;
}

/** The address of a selection. What follows from the step is left out. */
export function formatHash(fields: Partial<Fields>, trace: Steps | null): string {
  const implied = trace && typeof fields.step === "number" ? position(trace, fields.step) : null;
  const shown = (["step", "layer", "token", "head", "query"] as const).flatMap((name) => {
    const value = fields[name];
    return typeof value !== "number" || (name === "query" && value === implied) ? [] : [`${name}=${value}`];
  });
  return `#${shown.join("&")}`;
}
