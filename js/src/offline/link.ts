// The address of a page says what is selected: #trace=1&step=2&layer=23.

import type { Fields, State } from "../selection";
import { onTrace, position } from "../selection";
import type { Bounds } from "./bounds";
import { fits } from "./bounds";
import type { StaticModel } from "./model";

const READ = ["step", "token", "layer", "head", "query", "key", "rank", "sample"] as const;
const WRITTEN = ["step", "layer", "token", "head", "query"] as const;
/** Safari refuses more than 100 addresses in 30 s, and an arrow key held down makes more. */
const PAUSE_MS = 400;

/** Keeps the address and the selection equal, in both directions. */
export function linkAddress(selection: StaticModel, bounds: Bounds, signal: AbortSignal): void {
  const now = () => (selection.get("_state") as State).fields;
  const select = (change: Partial<Fields>) => {
    if (Object.keys(change).length === 0) return;
    const { seq, fields } = selection.get("_state") as State;
    selection.set("_state", { seq: seq + 1, fields: { ...fields, ...change } });
  };
  select(parseHash(location.hash, bounds, now()));
  addEventListener("hashchange", () => select(wholeHash(location.hash, bounds, now())), { signal });
  const write = paused(() => {
    if (!signal.aborted) writeHash(formatHash(now(), bounds));
  });
  selection.on("change:_state", write);
}

/**
 * The change of the selection by an address. Leaves out fields that do not fit the page. A step also sets its position and clears
 * the token, unless the address names them. Fields are checked against the trace that the address names, else the selected one.
 */
export function parseHash(hash: string, bounds: Bounds, now: Partial<Fields> = {}): Partial<Fields> {
  const names = named(hash);
  const before = now.trace ?? 0;
  const asked = numberOf(new Map(names).get("trace") ?? "");
  const at = asked !== null && asked in bounds ? asked : before;
  const trace = bounds[at] ?? null;
  const change: Partial<Record<(typeof READ)[number], number | null>> = {};
  for (const [name, value] of names) {
    const [field, number] = [READ.find((each) => each === name), numberOf(value)];
    if (field && number !== null && fits(field, number, trace)) change[field] = number;
  }
  const moved = trace && at !== before ? onTrace(now, at, trace) : {};
  if (typeof change.step !== "number" || !trace) return { ...moved, ...change };
  return { ...moved, token: null, query: position(trace, change.step), ...change };
}

/** The same for an address that replaces another: fields that it leaves out are cleared, except the trace and its step. */
export function wholeHash(hash: string, bounds: Bounds, now: Partial<Fields> = {}): Partial<Fields> {
  const change = parseHash(hash, bounds, now);
  if (Object.keys(change).length === 0) return {};
  const names = new Set(named(hash).map(([name]) => name));
  const stays = change.trace === undefined ? [] : ["step", "query"];
  const cleared = WRITTEN.filter((name) => !names.has(name) && !stays.includes(name));
  const implied = typeof change.step === "number" && names.has("step") ? { query: change.query } : {};
  return { ...change, ...Object.fromEntries(cleared.map((name) => [name, null])), ...implied };
}

/** The address of a selection. Leaves out what follows from the step, and the trace if there is only one. */
export function formatHash(fields: Partial<Fields>, bounds: Bounds): string {
  const trace = bounds[fields.trace ?? 0];
  const implied = trace && typeof fields.step === "number" ? position(trace, fields.step) : null;
  const shown = WRITTEN.flatMap((name) => {
    const value = fields[name];
    return typeof value !== "number" || (name === "query" && value === implied) ? [] : [`${name}=${value}`];
  });
  return `#${[...(bounds.length > 1 ? [`trace=${fields.trace ?? 0}`] : []), ...shown].join("&")}`;
}

function numberOf(value: string): number | null {
  return /^-?\d+$/.test(value) ? Number(value) : null;
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
