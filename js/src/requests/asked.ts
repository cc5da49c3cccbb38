// What a view was asked instead of its first question, as it was kept. Twin of `View.request` in tracebench/widgets/base.py.

import type { Request } from "./request";
import { requestKey } from "./request";

/** A question on the same text as the first one; null where nothing was asked, or what was kept is no such question. */
export function askedIn(kept: unknown, first: Request): Request | null {
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
