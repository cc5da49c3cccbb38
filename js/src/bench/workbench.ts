// The bench: a head with the question and the summary of the selected step, and the views below it.
// Twin of tracebench/bench/workbench.py.

import type { Around } from "../afm";
import { container } from "../afm";
import { sentenceIn } from "../parts";
import { readElsewhere } from "../selection";
import type { ModelCard, Trace } from "../trace";
import { copyButton } from "../ui/copy";
import { element, onResize, setHidden, steady } from "../ui/dom";
import { ifChanged, write } from "../ui/unchanged";
import { allChecks } from "./all_checks";
import { banner } from "./banner";
import { traceChooser } from "./chooser";
import { hearAnswers } from "./head";
import { places } from "./places";
import { saveButton } from "./save";
import { stepper } from "./stepper";

/** The workbench tree of docs/wire.md. The head also reads the tree of the selected trace. */
export interface Bench {
  /** Python that shows the bench, after the code of the trace. */
  code: string;
  /** The indices of the views whose sentence continues that of the record. */
  continues: number[];
  /** For each trace, what the bench does not show, and why. */
  notes?: (string | null)[];
}

export function workbench({ el, traces, selection, answers, synced, children, signal }: Around): void {
  const state = synced("_data");
  const data = () => state.get() as Bench;
  // While another trace is loading, the head is about the one before.
  let trace: Trace | null = traces.selected ?? null;
  const question = element("h1", { class: "tb-question" });
  const summary = element("p", { class: "tb-summary" });
  const elsewhere = element("p", { class: "tb-elsewhere tb-note", "aria-live": "polite" });
  const note = element("p", { class: "tb-note tb-bench-note" });
  const target = element("div", { class: "tb-target" }, question, summary, elsewhere, note);
  const saved = element("p", { class: "tb-saved tb-note", role: "status", hidden: true });
  const name = element("b", {});
  const card = element("span", { class: "tb-note" });
  const steps = stepper(() => trace, selection, signal);
  const texts = traceChooser(traces, selection, signal);
  const actions = element(
    "span",
    { class: "tb-actions", "data-capture": "no" },
    copyButton("Copy code", () => `${trace?.code ?? ""}${data().code}`),
  );
  if (!answers.offline) actions.append(saveButton(answers, saved, signal));
  const views = places(el, children, synced("arrangement"), signal);
  const checks = allChecks(views.lead, signal);
  const step = () => selection.fields.step ?? 0;
  const named = (i: number) => ({ name: views.names[i] ?? "", child: children[i] as (typeof children)[number] });
  const heard = hearAnswers(
    {
      visible: views.visible,
      continuing: () => (data().continues ?? []).filter((i) => i in children).map(named),
      answers,
      trace: () => traces.index,
      step,
      onChange: () => update(),
    },
    signal,
  );
  el.classList.add("tb-bench");
  el.dataset.live = "";
  // In a saved page the head stays at the top; in a notebook the notebook scrolls it away.
  el.toggleAttribute("data-page", answers.offline);
  const head = element(
    "header",
    { class: "tb-bench-head" },
    name,
    card,
    checks.el,
    element("span", { class: "tb-push tb-bench-tools" }, texts.el, steps.el, actions),
  );
  const top = element("div", { class: "tb-bench-top" }, head, banner(answers, signal), saved, target, views.away);
  el.append(top, views.el);
  if (answers.offline) clearOf(top, [steps.el, question], signal);
  // Keep the sizes of the head: its words change while a view loads, and a new line would move everything below.
  // Measure the checks against the bench, because in a narrow page the head has no box of its own.
  steady(checks.el, signal, "Width", el);
  for (const each of [head, target, question, summary]) steady(each, signal);

  /** The view of the record. It asks nothing, because the page has the record. */
  const record = views.names[children.findIndex((child) => !child.requests().some(Boolean))] ?? "record";
  const [writeQuestion, writeSummary] = [sentenceIn(question), sentenceIn(summary)];
  const writeElsewhere = ifChanged((read: number | null, at: number) => {
    target.toggleAttribute("data-elsewhere", read !== null);
    elsewhere.hidden = read === null;
    elsewhere.textContent =
      read === null ? "" : `This is about step ${at}. Position ${read} is selected; it does not predict this step.`;
  });
  const introduce = ifChanged((about: Trace | null, _: Bench) => {
    for (const each of [name, card]) setHidden(each, about === null);
    write(name, about?.model.name ?? "");
    write(card, about ? facts(about.model) : "");
    const left = data().notes?.[traces.index] ?? "";
    write(note, left);
    setHidden(note, left === "");
  });
  const update = () => {
    if (traces.selected !== undefined) trace = traces.selected;
    introduce(trace, data());
    const lead = trace && trace.steps > 0 ? heard.lead(trace) : null;
    writeQuestion(lead?.question ?? (trace ? ["Nothing was generated: this is a text to read."] : []));
    writeSummary(lead?.sentence ?? []);
    const own = trace ? [{ view: record, checks: trace.checks }] : [];
    checks.show([...own, ...heard.checks()]);
    writeElsewhere(trace && trace.steps > 0 ? readElsewhere(trace, selection.fields) : null, step());
    steps.update();
    texts.update();
  };
  const follow = () => {
    heard.listen();
    update();
  };
  follow();
  selection.on(follow, signal);
  traces.on(follow, signal);
  state.on(follow, signal);
  views.on(follow, signal);
  for (const child of children) child.on(follow, signal);
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

export default container("workbench", workbench);
