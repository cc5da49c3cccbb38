// Follow-up requests: requests of the reader that replace the first request of a view. The widget keeps one for each trace.
// Twin of `View.request` in tracebench/widgets/base.py.

import type { Synced } from "../synced";
import type { Request } from "./request";
import { requestKey } from "./request";

export interface Followup {
  /** The follow-up request; null if the view still asks its first one. */
  get(): Request | null;
  /** Whether something is kept for these traces that is no request about them. */
  isIgnored(): boolean;
  /** Null is the first request again. */
  set(request: Request | null): void;
}

/** The follow-up of a first request. `asked` maps the traces of a request to the request. */
export function followupTo(first: Request, asked: Pick<Synced, "get" | "set">): Followup {
  const about = aboutOf(first);
  const all = () => (isRecord(asked.get()) ? (asked.get() as Record<string, unknown>) : {});
  const get = () => checked(all()[about], first);
  return {
    get,
    isIgnored: () => {
      const isMap = asked.get() === null || (isRecord(asked.get()) && Object.values(all()).every(isRecord));
      return get() === null && (about in all() || !isMap);
    },
    set: (request) => {
      const { [about]: _, ...others } = all();
      const next = request === null ? others : { ...others, [about]: request };
      asked.set(Object.keys(next).length > 0 ? next : null);
    },
  };
}

/** The traces of a request as one key. */
function aboutOf({ traces }: Request): string {
  return traces.join("+");
}

/** What is kept, if it is another request than the first, about the same traces. */
function checked(kept: unknown, first: Request): Request | null {
  if (!isRecord(kept)) return null;
  const { analysis, params, traces, target, code } = kept as Partial<Request>;
  if (typeof analysis !== "string" || typeof code !== "string") return null;
  if (!Array.isArray(traces) || aboutOf({ ...first, traces }) !== aboutOf(first) || !isRecord(params)) return null;
  if (!isTarget(target) || (target === null) !== (first.target === null)) return null;
  const request = { analysis, params, traces, target, code };
  return requestKey(request) === requestKey(first) ? null : request;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTarget(target: unknown): boolean {
  if (target === null) return true;
  if (typeof target !== "object") return false;
  const { step, token, against, of } = target as Record<string, unknown>;
  const isToken = (given: unknown) => given === null || typeof given === "string" || typeof given === "number";
  return (step === null || typeof step === "number") && isToken(token) && isToken(against) && typeof of === "string";
}
