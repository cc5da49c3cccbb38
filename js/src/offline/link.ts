// The address of a page holds the selection: #step=2&layer=23.

import type { Fields, State, Steps } from "../selection";
import { position } from "../selection";
import type { Bounds } from "./bounds";
import { fits } from "./bounds";
import type { StaticModel } from "./model";

const READ = ["step", "token", "layer", "head", "query", "key", "rank", "sample"] as const;
const WRITTEN = ["step", "layer", "token", "head", "query"] as const;
/** Safari refuses more than 100 addresses in 30 s, and an arrow key held down makes more. */
const PAUSE_MS = 400;

/** Keeps the address and the selection equal, in both directions. */
export function linkAddress(selection: StaticModel, bounds: Bounds, signal: AbortSignal): void {
  const select = (change: Partial<Fields>) => {
    if (Object.keys(change).length === 0) return;
    const { seq, fields } = selection.get("_state") as State;
    selection.set("_state", { seq: seq + 1, fields: { ...fields, ...change } });
  };
  select(parseHash(location.hash, bounds));
  addEventListener("hashchange", () => select(wholeHash(location.hash, bounds)), { signal });
  const write = paused(() => {
    if (!signal.aborted) writeHash(formatHash((selection.get("_state") as State).fields, bounds.trace));
  });
  selection.on("change:_state", write);
}

/**
 * The fields of an address, without values that this page does not have. A step also sets its query, and clears the token,
 * unless the address has values for them.
 */
export function parseHash(hash: string, bounds: Bounds): Partial<Fields> {
  const change: Partial<Record<(typeof READ)[number], number | null>> = {};
  for (const [name, value] of named(hash)) {
    const field = READ.find((each) => each === name);
    if (field && /^-?\d+$/.test(value) && fits(field, Number(value), bounds)) change[field] = Number(value);
  }
  if (typeof change.step !== "number" || !bounds.trace) return change;
  return { token: null, query: position(bounds.trace, change.step), ...change };
}

/** The same for an address that replaces another: fields that it does not name become null. */
export function wholeHash(hash: string, bounds: Bounds): Partial<Fields> {
  const change = parseHash(hash, bounds);
  const names = new Set(named(hash).map(([name]) => name));
  const cleared = WRITTEN.filter((name) => !names.has(name)).map((name) => [name, null]);
  return Object.keys(change).length === 0 ? {} : { ...Object.fromEntries(cleared), ...change };
}

/** The address of a selection, without fields that follow from the step. */
export function formatHash(fields: Partial<Fields>, trace: Steps | null): string {
  const implied = trace && typeof fields.step === "number" ? position(trace, fields.step) : null;
  const shown = WRITTEN.flatMap((name) => {
    const value = fields[name];
    return typeof value !== "number" || (name === "query" && value === implied) ? [] : [`${name}=${value}`];
  });
  return `#${shown.join("&")}`;
}

function named(hash: string): [string, string][] {
  return [...new URLSearchParams(hash.replace(/^#/, ""))];
}

function writeHash(hash: string): void {
  // A page in a frame made of text (srcdoc) has no address to change.
  if (location.protocol === "about:" || (location.origin === "null" && location.protocol !== "file:")) return;
  try {
    history.replaceState(null, "", hash);
  } catch (error) {
    console.warn("tracebench: the address could not be changed.", error);
  }
}

/** Throttles calls: acts at once, then at most once in each interval, and once more after the last call. */
function paused(act: () => void): () => void {
  let [resting, called] = [false, false];
  const call = () => {
    called = resting;
    if (resting) return;
    resting = true;
    act();
    setTimeout(() => {
      resting = false;
      if (called) call();
    }, PAUSE_MS);
  };
  return call;
}
