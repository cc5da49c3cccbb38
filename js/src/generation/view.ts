// The generated text, step by step, with the alternatives at each step. Twin of tracebench/views/generation.py.

import type { Context } from "../afm";
import { widget } from "../afm";
import { checksWord } from "../checks";
import { viewMenu } from "../picture/menu";
import type { Fields } from "../selection";
import { readElsewhere } from "../selection";
import type { Trace } from "../trace";
import { element } from "../ui/dom";
import { wasRead } from "./blocks";
import { decision } from "./decision";
import { numbers } from "./numbers";
import { steps } from "./steps";
import { text } from "./text";

export function generation({ el, data: trace, selection, signal }: Context<Trace>): void {
  const tokens = text(trace, selection, signal);
  const chart = steps(trace, selection, signal);
  const alternatives = decision(trace);
  const menu = viewMenu(el, { name: "generation", code: () => trace.code, csv: () => numbers(trace) }, signal);
  el.append(
    element(
      "header",
      { class: "tb-head" },
      element("h2", {}, heading(trace)),
      trace.steps > 0 && element("span", { class: "tb-note" }, "bar and number: probability of the token"),
      element("span", { class: "tb-push tb-head-end" }, checksWord(trace.checks, signal), menu),
    ),
    element("div", { class: "tb-generation-main" }, element("div", { class: "tb-said" }, tokens.el, chart.el), alternatives.el),
  );
  const update = (fields: Readonly<Fields>) => {
    tokens.update(fields);
    const step = trace.steps === 0 ? null : (fields.step ?? 0);
    chart.update(step);
    alternatives.update(step, step === null ? null : readElsewhere(trace, fields));
  };
  update(selection.fields);
  selection.on(update, signal);
  el.dataset.state = "ready";
}

function heading(trace: Trace): string {
  if (trace.steps === 0) return "What was read?";
  return wasRead(trace) ? "How expected was each token?" : "What did the model say, and how sure was it?";
}

export default widget("generation", generation);
