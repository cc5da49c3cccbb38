// A follow-up request: the reader asks a view something else than its first request, and the widget stores it.
// Twin of `View.request` in tracebench/widgets/base.py.

import type { Request } from "./request";
import { requestKey } from "./request";

/** The stored follow-up request; null where none is stored, or what is stored is no request on the same text. */
export function followupOf(kept: unknown, first: Request): Request | null {
  if (typeof kept !== "object" || kept === null) return null;
  const { analysis, params, trace, target, code } = kept as Partial<Request>;
  if (typeof analysis !== "string" || typeof code !== "string" || trace !== first.trace) return null;
  if (typeof params !== "object" || params === null || Array.isArray(params)) return null;
  if (!isTarget(target) || (target === null) !== (first.target === null)) return null;
  const request = { analysis, params, trace, target, code };
  return requestKey(request) === requestKey(first) ? null : request;
}

function isTarget(target: unknown): boolean {
  if (target === null) return true;
  if (typeof target !== "object") return false;
  const { step, token, against, of } = target as Record<string, unknown>;
  const isToken = (given: unknown) => given === null || typeof given === "string" || typeof given === "number";
  return (step === null || typeof step === "number") && isToken(token) && isToken(against) && typeof of === "string";
}
