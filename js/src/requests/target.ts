// What a request is about: a step, its token, and the token that it is compared with. Twin of tracebench/record/target.py.

import type { Request } from "./request";

export interface Target {
  /** null: every step. */
  step: number | null;
  token: string | number | null;
  against: string | number | null;
  of: "logit" | "log_prob" | "prob" | "entropy";
}

/** The step that a request asks about; null where it asks about every step, or does not say. */
export function stepOf({ target }: Pick<Request, "target">): number | null {
  return (target as Target | null)?.step ?? null;
}

/** The same question at another step. Its key is made of the target, and its code says the same. */
export function requestAt(request: Request, step: number): Request {
  const target = { ...(request.target as Target), step };
  return { ...request, target, code: codeAt(request.code, target) };
}

/** Python whose target is this one: an analysis's code either has a target, with the step first, or ends in the trace. */
function codeAt(code: string, target: Target): string {
  const named = /\btb\.Target\(step=(?:\d+|None)/;
  if (named.test(code)) return code.replace(named, () => `tb.Target(step=${target.step}`);
  return code.replace(/\(lm, trace\)(\s*)$/, (_, end) => `(lm, trace, tb.${python(target)})${end}`);
}

/** A target as Python, without what goes without saying. JSON's escapes are Python's. */
export function python({ step, token, against, of }: Target): string {
  const named = Object.entries({ token, against, of: of === "logit" ? null : of }).filter(([, value]) => value !== null);
  return `Target(step=${step ?? "None"}${named.map(([name, value]) => `, ${name}=${JSON.stringify(value)}`).join("")})`;
}
