// The bench: a head that says what is looked at and what came of it, and the views under it.
// Twin of tracebench/workbench.py.

import type { Context } from "./afm";
import { widget } from "./afm";
import type { Request } from "./ask";
import { banner } from "./bench/banner";
import { saveButton } from "./bench/save";
import { stepper } from "./bench/stepper";
import type { Check } from "./checks";
import { checksPlace } from "./checks";
import { copyButton } from "./copy";
import { element } from "./dom";
import type { Lens } from "./lens";
import type { Parts } from "./parts";
import { sentence } from "./parts";
import type { Steps } from "./selection";
import { readElsewhere } from "./selection";
import type { ModelCard } from "./trace";

export interface Bench extends Steps {
  title: string;
  model: ModelCard;
  /** Per step: the target as a sentence, and what was said and how sure, from the trace alone. */
  questions: Parts[];
  said: Parts[];
  checks: Check[];
  /** The lens request, whose answer brings findings and more checks. */
  finding_request: Request | null;
  code: string;
}

export function workbench({ el, data, selection, answers, children, signal }: Context<Bench>): void {
  const checks = checksPlace(signal);
  checks.show(data.checks);
  const question = element("h1", { class: "tb-question" });
  const finding = element("p", { class: "tb-finding" });
  const elsewhere = element("p", { class: "tb-elsewhere tb-note", "aria-live": "polite" });
  const target = element("div", { class: "tb-target" }, question, finding, elsewhere);
  const saved = element("p", { class: "tb-saved tb-note", role: "status", hidden: true });
  const steps = stepper(data, selection, signal);
  const actions = element(
    "span",
    { class: "tb-actions", "data-capture": "no" },
    copyButton("Copy code", () => data.code),
  );
  if (!answers.offline) actions.append(saveButton(answers, saved));
  const views = element("div", { class: "tb-views" });
  el.classList.add("tb-bench");
  el.dataset.live = "";
  // In a page of its own the head stays in sight; in a notebook it is the notebook that scrolls.
  el.toggleAttribute("data-page", answers.offline);
  const top = element(
    "div",
    { class: "tb-bench-top" },
    element(
      "header",
      { class: "tb-bench-head" },
      element("b", {}, data.model.name),
      element("span", { class: "tb-note" }, facts(data.model)),
      checks.el,
      element("span", { class: "tb-push" }, steps.el),
      actions,
    ),
    banner(answers, signal),
    saved,
    target,
  );
  el.append(top, views);

  let findings: Parts[] | null = null;
  const update = () => {
    const step = selection.fields.step ?? 0;
    question.replaceChildren(
      data.steps === 0 ? "Nothing was generated: this is a text to read." : sentence(data.questions[step] ?? []),
    );
    finding.replaceChildren(sentence(findings?.[step] ?? data.said[step] ?? []));
    const read = data.steps > 0 ? readElsewhere(data, selection.fields) : null;
    target.toggleAttribute("data-elsewhere", read !== null);
    elsewhere.hidden = read === null;
    elsewhere.textContent =
      read === null ? "" : `This is about step ${step}. Selected is position ${read}, which does not predict it.`;
    steps.update();
  };
  update();
  selection.on(update, signal);
  if (data.finding_request) {
    // The view below asks; the head only listens, so that cancelling there cancels.
    const heard = (answer: unknown) => {
      const lens = answer as Lens;
      findings = lens.findings;
      checks.show([...data.checks, ...lens.checks]);
      update();
    };
    answers.hear(data.finding_request, heard, signal);
  }
  for (const { stem, render } of children) {
    const place = element("div", { class: "tb-place", "data-stem": stem });
    views.append(place);
    render(place, signal).catch((error: unknown) => {
      place.replaceChildren(
        element(
          "p",
          { class: "tb-state tb-error", role: "alert" },
          `This view could not be shown: ${error instanceof Error ? error.message : error}`,
        ),
      );
    });
  }
  el.dataset.state = "ready";
}

function facts({ layers, heads, dtype, device }: ModelCard): string {
  return [layers ? `${layers} layers` : "", heads ? `${heads} heads` : "", dtype, device].filter(Boolean).join(" · ");
}

export default widget("workbench", workbench);
