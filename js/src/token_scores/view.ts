// Token scores: which tokens speak for the generated token, and which against it. The text tinted by score, and a list.
// Twin of tracebench/views/token_scores.py.

import type { Context } from "../afm";
import { widget } from "../afm";
import { withLastAnswers } from "../requests/cache";
import { followupTo } from "../requests/followup";
import type { Request } from "../requests/request";
import { requestKey } from "../requests/request";
import type { Target } from "../requests/target";
import { stepOf } from "../requests/target";
import { tokenOf } from "../selection";
import { isolated } from "../tokens";
import type { Text } from "../trace";
import { element, focusedIn, onResize, steady } from "../ui/dom";
import { askAtSteps } from "./asking";
import type { Choices } from "./chooser";
import { chooser, targetOf } from "./chooser";
import type { Preferences } from "./list";
import { narrowed } from "./narrowed";
import type { Scores } from "./result";
import type { ShownScores } from "./show";
import { showScores } from "./show";
import { shown as shownToken } from "./token_field";
import { whyNot } from "./why_not";

const HEADING = "Which tokens speak for it?";

/** `data` is the text; the view asks for the scores at the selected step. */
export function tokenScores(context: Context<Text>): void {
  const { el, data: text, answers, request: first, selection, synced, remember, signal } = context;
  if (!first) throw new Error("The token scores have no request.");
  if (!text.pieces) throw new Error("The token scores need the text: data with prompt_length, steps, ids and pieces.");
  const head = element("header", { class: "tb-head" });
  const question = element("p", { class: "tb-scores-question", "aria-live": "polite" });
  const body = element("div", { class: "tb-scores-body" });
  const preferences = remember<Preferences>({ order: "size", all: false });
  const step = () => stepIn(text, selection.fields.step);
  const kept = synced("_asked");
  const followup = followupTo(first, kept);
  let request = followup.get() ?? first;
  const showTitle = () => {
    head.replaceChildren(element("h2", {}, heading(request, text as Choices)));
    question.textContent = stepOf(request) === null ? "" : aboutStep(text, step());
  };
  let focused = false;
  showTitle();
  const showRequest = (other: Request) => {
    request = other;
    asking.fill(other);
    note.hidden = true;
    askOther(other);
  };
  const askInstead = (other: Request) => {
    if (signal.aborted) return;
    const again = requestKey(other) === requestKey(request);
    followup.set(requestKey(other) === requestKey(first) ? null : other);
    if (again) showRequest(other);
  };
  let newest: Request | null = null;
  const asking = chooser(
    text as Choices,
    first,
    (other) => {
      newest = other;
      if (answers.offline) void narrowed(other, step(), answers).then((found) => newest === other && askInstead(found));
      else askInstead(other);
    },
    signal,
  );
  asking.fill(request);
  asking.update(step());
  // The follow-up request may come from here, from another display of this view, or from Python.
  kept.on(() => {
    const other = followup.get() ?? first;
    if (requestKey(other) !== requestKey(request)) showRequest(other);
  }, signal);
  const ignored = followup.isIgnored();
  const sentence = ignored && "The saved question does not fit this text, so the first question is asked.";
  const note = element("p", { class: "tb-note", role: "status", hidden: !ignored }, sentence);
  selection.on(() => asking.update(step()), signal);
  el.append(head, asking.el, note, question, body);
  // While a step is loading, the head has only its title.
  steady(head, signal);
  let current: (ShownScores & { end: () => void }) | null = null;
  const end = () => {
    current?.end();
    current = null;
    showTitle();
  };
  const askOther = askAtSteps({
    shownResult: {
      isHere: () => current?.isHere() ?? false,
      replace: (answer) => {
        try {
          return current?.replace(answer as Scores, heading(request, text as Choices)) ?? false;
        } catch (error) {
          end();
          throw error;
        }
      },
    },
    root: el,
    body,
    answers: withLastAnswers(answers),
    request,
    signal,
    selection,
    text,
    step,
    what: "the token scores",
    whyNot: (asked) => {
      const target = targetOf(asked);
      const steps = target.step === null ? Array.from({ length: text.steps }, (_, each) => each) : [target.step];
      return whyNot(text, target, text.ids ? steps.map((each) => text.ids.at({ token: tokenOf(text, each) })) : []);
    },
    onFirst: () => followup.set(null),
    onLeave: () => {
      focused = body.contains(focusedIn(body));
      current?.rest();
      el.dataset.state = "loading";
      showTitle();
    },
    show: (answer, attempt) => {
      end();
      // The shown result outlives its request: the next answer may be shown in the same elements.
      const life = new AbortController();
      attempt.addEventListener("abort", () => {
        if (current) return;
        life.abort();
        showTitle();
      });
      const living = { ...context, signal: AbortSignal.any([signal, life.signal]) };
      const title = heading(request, text as Choices);
      const made = showScores(living, { head, question, body }, answer as Scores, title, preferences);
      current = { ...made, end: () => life.abort() };
      const elsewhere = focusedIn(body);
      if (focused && (!elsewhere || elsewhere === document.body)) made.focus();
      focused = false;
    },
  });
  // Keep the height until the next answer, so that the page below does not jump.
  onResize([body], () => el.dataset.state !== "loading" && body.style.setProperty("--tb-kept", `${body.offsetHeight}px`), signal);
}

/** The heading names the compared token, to tell two such views of a bench apart. */
function heading({ target }: Request, choices: Choices): string {
  const against = (target as Target | null)?.against ?? null;
  return against === null ? HEADING : `${HEADING.slice(0, -1)}, rather than “${isolated(shownToken(choices, against))}”?`;
}

/** The selected step, else the first. */
function stepIn({ steps }: Text, step: number | null): number {
  return step !== null && step >= 0 && step < steps ? step : 0;
}

function aboutStep(text: Text, step: number): string {
  const piece = text.pieces[tokenOf(text, step)];
  return piece ? `Step ${step}, token “${isolated(piece[1])}”.` : "";
}

export default widget("token_scores", tokenScores);
