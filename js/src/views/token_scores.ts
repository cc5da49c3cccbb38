// Which tokens speak for what was said, and which against: the text tinted by signed scores, and the scores as a list.
// Twin of tracebench/views/token_scores.py.

import type { Context } from "../afm";
import { widget } from "../afm";
import { askedIn } from "../asked";
import { checksWord } from "../checks";
import { element, focusedIn } from "../dom";
import { viewMenu } from "../menu";
import { standingIn } from "../remember";
import type { Request } from "../request";
import { requestKey } from "../request";
import type { Scores, Target } from "../scores";
import { bySize, rowOf } from "../scores";
import { askAtSteps, stepOf } from "../scores/asking";
import type { Choices } from "../scores/chooser";
import { chooser, targetOf } from "../scores/chooser";
import { legend } from "../scores/legend";
import type { Taste } from "../scores/list";
import { scoreList } from "../scores/list";
import { matrix } from "../scores/matrix";
import { narrowed } from "../scores/narrowed";
import { numbers } from "../scores/numbers";
import { scoredText } from "../scores/text";
import { shown as shownToken } from "../scores/token_field";
import { whyNot } from "../scores/why_not";
import { full, inWords, methodLine, sumLine } from "../scores/words";
import type { Fields } from "../selection";
import { position, selectStep, selectToken, tokenOf } from "../selection";
import { isDark, onThemeChange } from "../theme";
import { isolated } from "../tokens";
import type { Text } from "../trace";

const HEADING = "Which tokens speak for it?";

/** `data` is the text that the scores are about; the scores themselves are asked for, at the step that is selected. */
export function tokenScores(context: Context<Text>): void {
  const { el, data: text, answers, request: first, selection, synced, signal } = context;
  if (!first) throw new Error("The token scores have nothing to ask for.");
  if (!text.pieces) throw new Error("The token scores need the text: data with prompt_length, steps, ids and pieces.");
  const head = element("header", { class: "tb-head" });
  const question = element("p", { class: "tb-scores-question", "aria-live": "polite" });
  const body = element("div", { class: "tb-scores-body" });
  const taste: Taste = { order: "size", all: false };
  const step = () => stepIn(text, selection.fields.step);
  const kept = synced("_asked");
  let request = askedIn(kept.get(), first) ?? first;
  const bare = () => {
    head.replaceChildren(element("h2", {}, heading(request, text as Choices)));
    question.textContent = stepOf(request) === null ? "" : aboutStep(text, step());
  };
  let focused = false;
  bare();
  const pose = (other: Request) => {
    request = other;
    asking.fill(other);
    note.hidden = true;
    askOther(other);
  };
  const take = (other: Request) => {
    if (signal.aborted) return;
    const again = requestKey(other) === requestKey(request);
    kept.set(requestKey(other) === requestKey(first) ? null : other);
    if (again) pose(other);
  };
  const asking = chooser(
    text as Choices,
    first,
    (other) => {
      if (answers.offline) void narrowed(other, step(), answers).then(take);
      else take(other);
    },
    signal,
  );
  asking.fill(request);
  asking.update(step());
  // Asked here, in another display of this view, or in Python.
  kept.on(() => {
    const other = askedIn(kept.get(), first) ?? first;
    if (requestKey(other) !== requestKey(request)) pose(other);
  }, signal);
  const ignored = kept.get() !== null && request === first;
  const said = ignored && "A question was kept that is none for this text: the first one is asked.";
  const note = element("p", { class: "tb-note", role: "status", hidden: !ignored }, said);
  selection.on(() => asking.update(step()), signal);
  el.append(head, asking.el, note, question, body);
  const askOther = askAtSteps({
    root: el,
    body,
    answers: standingIn(answers),
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
    onFirst: () => kept.set(null),
    onLeave: () => {
      focused = body.contains(focusedIn(body));
      // The page below stays where it is until the next answer is there.
      body.style.setProperty("--tb-kept", `${body.offsetHeight}px`);
      el.dataset.state = "loading";
      bare();
    },
    show: (answer, shown) => {
      shown.addEventListener("abort", bare);
      const places = { head, heading: heading(request, text as Choices), question, body };
      const focus = show({ ...context, signal: shown }, places, answer as Scores, taste);
      const elsewhere = focusedIn(body);
      if (focused && (!elsewhere || elsewhere === document.body)) focus();
      focused = false;
    },
  });
}

/** Two of these views in one bench are told apart by what they compare with. */
function heading({ target }: Request, choices: Choices): string {
  const against = (target as Target | null)?.against ?? null;
  return against === null ? HEADING : `${HEADING.slice(0, -1)}, rather than “${isolated(shownToken(choices, against))}”?`;
}

interface Places {
  head: HTMLElement;
  heading: string;
  question: HTMLElement;
  body: HTMLElement;
}

/** Shows an answer; what it returns brings the focus into the text. */
function show(
  { el, data: text, selection, signal }: Context<Text>,
  { head, heading, question, body }: Places,
  scores: Scores,
  taste: Taste,
): () => void {
  let dark = isDark(el);
  let pointed: { step: number; token: number } | null = null;
  const step = () => shownStep(scores, selection.fields.step);
  const selectSource = (token: number) => selection.set({ token });
  const point = (token: number | null) => {
    pointed = token === null ? null : { step: step(), token };
    tell();
  };

  const scale = legend(scores);
  const said = scoredText(
    { scores, text, onSelect: selectSource, onStep: (token) => selectToken(selection, text, token), onPoint: point },
    signal,
  );
  const list = scoreList({ scores, text, taste, onSelect: selectSource, onPoint: point }, signal);
  const detail = element("p", { class: "tb-detail" });
  const sum = element("p", { class: "tb-note tb-scores-sum" });
  const every =
    scores.target.step !== null
      ? null
      : matrix(
          {
            scores,
            text,
            dark,
            onSelect: (at, token) => {
              if (at === null) selection.set({ token });
              else if (token === null) selectStep(selection, text, at);
              else selection.set({ step: at, token, query: position(text, at) });
            },
            onPoint: (at, token) => {
              pointed = { step: at, token };
              tell();
            },
          },
          signal,
        );

  const tell = () => {
    const row = rowOf(scores, step());
    const tokens = tokensOf(selection.fields).filter((token) => row.tokens.includes(token));
    const at = pointed ?? { step: row.step, token: tokens[0] ?? bySize(row)[0] ?? 0 };
    const several = !pointed && tokens.length > 1;
    detail.textContent = several
      ? `positions ${tokens[0]}–${tokens.at(-1)} together: ${full(scores, at.step, tokens)}`
      : `${at.step === step() ? "" : `step ${at.step} · `}${inWords(scores, text, at.step, at.token)}`;
  };
  let drawn = -1;
  const update = () => {
    const tokens = tokensOf(selection.fields);
    if (drawn !== step()) {
      drawn = step();
      question.textContent = [asked(scores, drawn), missing(scores, selection.fields.step)].filter(Boolean).join(" ");
      sum.textContent = sumLine(scores, drawn);
      sum.hidden = sum.textContent === "";
      scale.update(drawn, dark);
      said.update(drawn, dark);
      list.update(drawn);
    }
    said.select(tokens);
    list.select(tokens);
    every?.select(drawn, tokens);
    tell();
  };

  const menu = viewMenu(el, { name: "token-scores", code: () => scores.code, csv: () => numbers(scores, text) }, signal);
  head.replaceChildren(
    element("h2", {}, heading),
    scale.el,
    element("span", { class: "tb-push tb-head-end" }, checksWord(scores.checks, signal), menu),
  );
  const method = element("p", { class: "tb-note", title: scores.method }, methodLine(scores));
  body.append(
    method,
    element("div", { class: "tb-scores-main" }, element("div", { class: "tb-scores-text" }, said.el, detail, sum), list.el),
  );
  if (every) body.append(every.el);
  update();
  selection.on(update, signal);
  onThemeChange(
    el,
    (now) => {
      dark = now;
      scale.update(drawn, dark);
      said.update(drawn, dark);
      every?.recolour(dark);
    },
    signal,
  );
  return said.focus;
}

/** The step that is asked for: the selected one, else the first. */
function stepIn({ steps }: Text, step: number | null): number {
  return step !== null && step >= 0 && step < steps ? step : 0;
}

/** The step of an answer that is shown: the selected one where it was explained, else its first. */
function shownStep({ steps }: Scores, step: number | null): number {
  return step !== null && steps.includes(step) ? step : (steps[0] ?? 0);
}

function asked({ steps, questions }: Scores, step: number): string {
  return questions[steps.indexOf(step)] ?? "";
}

/** Why another step is shown than is selected. */
function missing(scores: Scores, step: number | null): string {
  const shown = shownStep(scores, step);
  if (step === null) return `No step is selected: this is step ${shown}.`;
  return step === shown ? "" : `Step ${step} was not explained: this is step ${shown}.`;
}

function aboutStep(text: Text, step: number): string {
  const said = text.pieces[tokenOf(text, step)];
  return said ? `Step ${step}, where “${isolated(said[1])}” was said.` : "";
}

function tokensOf({ token }: Readonly<Fields>): number[] {
  if (token === null) return [];
  if (typeof token === "number") return [token];
  return Array.from({ length: Math.max(0, token[1] - token[0]) }, (_, i) => token[0] + i);
}

export default widget("token_scores", tokenScores);
