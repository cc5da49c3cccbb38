// The form for a follow-up request: the method, the token to explain, and the token to compare it with.

import { canonical } from "../requests/canonical";
import type { Request } from "../requests/request";
import type { Target } from "../requests/target";
import { python } from "../requests/target";
import { element } from "../ui/dom";
import type { LabeledArray } from "../wire";
import type { Known } from "./token_field";
import { idOrText, shown } from "./token_field";

export interface Method {
  label: string;
  /** The Python of the analysis. */
  method: string;
  analysis: string;
  params: Request["params"];
}

/** The text, and the choices of the form. */
export interface Choices extends Known {
  candidates?: { ids: LabeledArray };
  methods?: Method[];
}

export interface Chooser {
  el: HTMLElement;
  /** Updates the suggested tokens for a step. */
  update: (step: number) => void;
  /** Fills the fields from a request. */
  fill: (request: Request) => void;
}

let made = 0;

/** The form. It calls `onAsk` with its request. `first` is the first request of the view; its method is always offered. */
export function chooser(choices: Choices, first: Request, onAsk: (request: Request) => void, signal: AbortSignal): Chooser {
  const { methods = [] } = choices;
  const form = element("form", { class: "tb-scores-ask", "data-capture": "no", "aria-label": "Ask another question" });
  form.hidden = methods.length === 0;
  const own = methods.some((method) => sameMethod(method, first));
  const named = own ? [...methods] : [{ ...ownMethod(first), label: "as given" }, ...methods];
  let target = targetOf(first);
  const method = element("select", { "aria-label": "method" });
  const list = element("datalist", { id: `tb-alternatives-${Math.random().toString(36).slice(2)}-${made++}` });
  const field = (label: string, placeholder: string) =>
    element("input", {
      type: "text",
      "aria-label": label,
      placeholder,
      list: list.id,
      autocomplete: "off",
      spellcheck: "false",
      dir: "auto",
    });
  const token = field("why this token", "what was said");
  const against = field("rather than this token", "anything else");
  form.append(
    element("label", {}, "Why ", token),
    element("label", {}, "rather than ", against),
    element("label", {}, "by ", method),
    element("button", { class: "tb-button", type: "submit" }, "Ask"),
    list,
  );
  const fill = (request: Request) => {
    target = targetOf(request);
    token.value = shown(choices, target.token);
    against.value = shown(choices, target.against);
    // An entropy has no token to compare.
    token.disabled = target.of === "entropy";
    against.disabled = token.disabled;
    let at = named.findIndex((each) => sameMethod(each, request));
    if (at < 0) at = named.push({ ...ownMethod(request), label: ownMethod(request).method }) - 1;
    method.replaceChildren(...named.map(({ label }, i) => element("option", { value: String(i), selected: i === at }, label)));
  };
  fill(first);
  /** Keeps the token of the present or the first request if the field shows this token: its text and its id give different keys. */
  const written = (name: "token" | "against", value: string): Target["token"] => {
    const same = [target, targetOf(first)].find((each) => shown(choices, each[name]) === value);
    return same ? same[name] : idOrText(choices, value);
  };

  const ask = () => {
    const chosen = named[Number(method.value)] as Method;
    // A stored request may be about one step, if a saved page had no more.
    const { step } = targetOf(first);
    const asked = { ...target, step, token: written("token", token.value), against: written("against", against.value) };
    onAsk({
      ...first,
      analysis: chosen.analysis,
      params: chosen.params,
      target: asked as unknown as Request["target"],
      code: `tb.${chosen.method}(lm, trace, tb.${python(asked)})\n`,
    });
  };
  form.addEventListener(
    "submit",
    (event) => {
      event.preventDefault();
      ask();
    },
    { signal },
  );
  method.addEventListener("change", ask, { signal });
  // Keep keys from the notebook, which has shortcuts of its own; Escape leaves the form.
  const keep = (event: KeyboardEvent) => event.key !== "Escape" && event.stopPropagation();
  form.addEventListener("keydown", keep, { signal });
  return {
    el: form,
    fill,
    update: (step) => {
      const { candidates, vocab } = choices;
      const ids = candidates ? candidates.ids.numbers("rank").map((rank) => candidates.ids.at({ step, rank })) : [];
      list.replaceChildren(...ids.flatMap((id) => (vocab?.[id] ? [element("option", { value: vocab[id][1] })] : [])));
    },
  };
}

export function targetOf({ target }: Request): Target {
  return (target as Target | null) ?? { step: 0, token: null, against: null, of: "logit" };
}

function sameMethod({ analysis, params }: Method, request: Request): boolean {
  return analysis === request.analysis && canonical(params) === canonical(request.params);
}

/** The method of a request that the form does not offer, with the Python from its code. */
function ownMethod({ analysis, params, code }: Request): Omit<Method, "label"> {
  return { analysis, params, method: /\btb\.(\w+\(.*?\))\(lm, trace/.exec(code)?.[1] ?? `${analysis}()` };
}
