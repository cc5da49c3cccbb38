// The bench: a head with the question and the finding for the selected step, and the views below it.
// Twin of tracebench/bench/workbench.py.

import type { Child, Context } from "../afm";
import { widget } from "../afm";
import type { Check } from "../checks";
import type { Parts } from "../parts";
import { sentenceIn } from "../parts";
import type { Request } from "../requests/request";
import type { Steps } from "../selection";
import { readElsewhere } from "../selection";
import type { ModelCard } from "../trace";
import { copyButton } from "../ui/copy";
import { element, onResize, steady } from "../ui/dom";
import { ifChanged } from "../ui/unchanged";
import { banner } from "./banner";
import { hearAnswers } from "./head";
import { places } from "./places";
import { proofsPlace } from "./proofs";
import { saveButton } from "./save";
import { stepper } from "./stepper";

export interface Bench extends Steps {
  title: string;
  model: ModelCard;
  /** For each step: the question, and the finding that the trace alone allows (the token, and its probability). */
  questions: Parts[];
  said: Parts[];
  checks: Check[];
  /** The request whose answer has the findings: the lens. */
  finding_request: Request | null;
  /** For each view: the requests that its menu offers in place of its own. */
  beside?: Request[][];
  code: string;
  /** Says what the bench does not show, and why. */
  note?: string;
}

/** The part of the answer to `finding_request` that the head shows: a finding for each step, and the checks. */
interface Finding {
  findings: Parts[];
  checks: Check[];
}

/** The stems of the views of the record and of the lens. */
const RECORD = "generation";
const LENS = "lens_table";

export function workbench({ el, data, selection, answers, synced, children, signal }: Context<Bench>): void {
  const question = element("h1", { class: "tb-question" });
  const finding = element("p", { class: "tb-finding" });
  const elsewhere = element("p", { class: "tb-elsewhere tb-note", "aria-live": "polite" });
  const note = data.note ? [element("p", { class: "tb-note" }, data.note)] : [];
  const target = element("div", { class: "tb-target" }, question, finding, elsewhere, ...note);
  const saved = element("p", { class: "tb-saved tb-note", role: "status", hidden: true });
  const steps = stepper(data, selection, signal);
  const actions = element(
    "span",
    { class: "tb-actions", "data-capture": "no" },
    copyButton("Copy code", () => data.code),
  );
  if (!answers.offline) actions.append(saveButton(answers, saved, signal));
  const views = places(el, children, synced("arrangement"), signal);
  const proofs = proofsPlace(views.lead, signal);
  const step = () => selection.fields.step ?? 0;
  const alternatives = (child: Child) => data.beside?.[children.indexOf(child)] ?? [];
  const visibleViews = () => views.visible().map(({ name, child }) => ({ name, child, alternatives: alternatives(child) }));
  const heard = hearAnswers({ visibleViews, answers, step, onChange: () => update() }, signal);
  el.classList.add("tb-bench");
  el.dataset.live = "";
  // In a saved page the head stays at the top; in a notebook the notebook scrolls it away.
  el.toggleAttribute("data-page", answers.offline);
  const head = element(
    "header",
    { class: "tb-bench-head" },
    element("b", {}, data.model.name),
    element("span", { class: "tb-note" }, facts(data.model)),
    proofs.el,
    element("span", { class: "tb-push tb-bench-tools" }, steps.el, actions),
  );
  const top = element("div", { class: "tb-bench-top" }, head, banner(answers, signal), saved, target, views.away);
  el.append(top, views.el);
  if (answers.offline) clearOf(top, [steps.el, question], signal);
  // Keep the sizes of the head: its words change while a view loads, and a new line would move everything below.
  // Measure the checks against the bench, because in a narrow page the head has no box of its own.
  steady(proofs.el, signal, "Width", el);
  for (const each of [head, target, question, finding]) steady(each, signal);

  let lens: Finding | null = null;
  const [ask, find] = [sentenceIn(question), sentenceIn(finding)];
  const tell = ifChanged((read: number | null, at: number) => {
    target.toggleAttribute("data-elsewhere", read !== null);
    elsewhere.hidden = read === null;
    elsewhere.textContent =
      read === null ? "" : `This is about step ${at}. Selected is position ${read}, which does not predict it.`;
  });
  const lensName = views.names[children.findIndex(({ stem }) => stem === LENS)] ?? LENS;
  const update = () => {
    const instead = data.steps > 0 ? heard.followup() : null;
    const own = data.steps === 0 ? ["Nothing was generated: this is a text to read."] : (data.questions[step()] ?? []);
    ask(instead ? [instead.question] : own);
    find(instead?.finding ?? lens?.findings[step()] ?? data.said[step()] ?? []);
    proofs.show(allProofs());
    tell(data.steps > 0 ? readElsewhere(data, selection.fields) : null, step());
    steps.update();
  };
  /** The checks of the record, of the answers of visible views, and of the lens behind the finding, also if it is hidden. */
  const allProofs = () => {
    const found = heard.checks();
    const apart = lens && data.finding_request && !heard.isCounted(data.finding_request);
    const hidden = apart ? [{ view: lensName, checks: lens?.checks ?? [] }] : [];
    return [{ view: RECORD, checks: data.checks }, ...found, ...hidden];
  };
  const follow = () => {
    heard.listen();
    update();
  };
  follow();
  selection.on(follow, signal);
  views.on(follow, signal);
  for (const { asked } of children) asked.on(follow, signal);
  const asked = data.finding_request;
  if (asked) {
    // The view below asks, and the head only listens. If the head asked too, Cancel in the view would not cancel the job.
    const become = (answer: Finding | null) => {
      lens = answer;
      update();
    };
    answers.hear(
      asked,
      (answer) => become(answer as Finding),
      signal,
      () => {
        if (!heard.isShared(asked)) become(null);
      },
    );
  }
  el.dataset.state = "ready";
}

/** Keeps scroll targets clear of the head, which covers the top of a saved page. */
function clearOf(top: HTMLElement, parts: readonly HTMLElement[], signal: AbortSignal): void {
  const root = document.documentElement;
  root.toggleAttribute("data-tb-page", true);
  const tell = () => {
    // In a narrow page only these parts stay, and the head around them has no box.
    const height = top.offsetHeight || parts.reduce((sum, each) => sum + each.offsetHeight, 16);
    root.style.setProperty("--tb-bench-top", `${height + 8}px`);
  };
  onResize([top, ...parts], tell, signal);
}

function facts({ layers, heads, dtype, device }: ModelCard): string {
  return [layers ? `${layers} layers` : "", heads ? `${heads} heads` : "", dtype, device].filter(Boolean).join(" · ");
}

export default widget("workbench", workbench);
