// What a request is about: a step, its token, and the token that it is compared with. Twin of tracebench/record/target.py.

import type { Request } from "./request";

export interface Target {
  /** null means every step. */
  step: number | null;
  token: string | number | null;
  against: string | number | null;
  of: "logit" | "log_prob" | "prob" | "entropy";
}

/** The step of a request's target; null if it is about every step, or has no target. */
export function stepOf({ target }: Pick<Request, "target">): number | null {
  return (target as Target | null)?.step ?? null;
}

/** The same request at another step: with a new target, and with code for it. */
export function requestAt(request: Request, step: number): Request {
  const target = { ...(request.target as Target), step };
  return { ...request, target, code: codeAt(request.code, target) };
}

/** The code for this target: code either has a target whose step comes first, or ends with the trace. */
function codeAt(code: string, target: Target): string {
  const named = /\btb\.Target\(step=(?:\d+|None)/;
  if (named.test(code)) return code.replace(named, () => `tb.Target(step=${target.step}`);
  return code.replace(/\(lm, trace\)(\s*)$/, (_, end) => `(lm, trace, tb.${python(target)})${end}`);
}

/** A target as Python, without default values. JSON escapes are valid in Python. */
export function python({ step, token, against, of }: Target): string {
  const named = Object.entries({ token, against, of: of === "logit" ? null : of }).filter(([, value]) => value !== null);
  return `Target(step=${step ?? "None"}${named.map(([name, value]) => `, ${name}=${JSON.stringify(value)}`).join("")})`;
}
