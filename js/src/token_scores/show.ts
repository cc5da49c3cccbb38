// Shows token scores: the tinted text, the list, and the table if the answer has several steps. Another answer of the same form
// is shown in the same elements, because a long text is slow to build.

import type { Context } from "../afm";
import { checksPlace } from "../checks";
import { viewMenu } from "../picture/menu";
import type { Fields } from "../selection";
import { position, selectStep, selectToken } from "../selection";
import type { Text } from "../trace";
import { element, setAttributes, setHidden } from "../ui/dom";
import { isDark, onThemeChange } from "../ui/theme";
import { write } from "../ui/unchanged";
import { legend } from "./legend";
import type { Preferences } from "./list";
import { scoreList } from "./list";
import { matrix } from "./matrix";
import { numbers } from "./numbers";
import type { Scores } from "./result";
import { bySize, rowOf } from "./result";
import { scoredText } from "./text";
import { full, inWords, methodLine, sumLine } from "./words";

export interface Places {
  head: HTMLElement;
  question: HTMLElement;
  body: HTMLElement;
}

export interface ShownScores {
  isHere(): boolean;
  /** Shows another answer in the same elements; false if it needs other elements. */
  replace(scores: Scores, heading: string): boolean;
  /** Stops following the selection, until another answer replaces this one. */
  rest(): void;
  /** Moves the focus into the text. */
  focus(): void;
}

export function showScores(
  { el, data: text, selection, signal }: Context<Text>,
  { head, question, body }: Places,
  first: Scores,
  heading: string,
  preferences: Preferences,
): ShownScores {
  let scores = first;
  let resting = false;
  let dark = isDark(el);
  let pointed: { step: number; token: number } | null = null;
  const current = () => scores;
  const step = () => shownStep(scores, selection.fields.step);
  const selectSource = (token: number) => selection.set({ token });
  const point = (token: number | null) => {
    pointed = token === null ? null : { step: step(), token };
    tell();
  };

  let scale = legend(scores);
  const scored = scoredText(
    { scores: current, text, onSelect: selectSource, onStep: (token) => selectToken(selection, text, token), onPoint: point },
    signal,
  );
  const list = scoreList({ scores: current, text, preferences, onSelect: selectSource, onPoint: point }, signal);
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
    if (resting) return;
    const tokens = tokensOf(selection.fields);
    if (drawn !== step()) {
      drawn = step();
      question.textContent = [asked(scores, drawn), missing(scores, selection.fields.step)].filter(Boolean).join(" ");
      const { state, sentence } = sumLine(scores, text, drawn);
      write(sum, sentence);
      setHidden(sum, sentence === "");
      setAttributes(sum, { "data-check": state !== "holds" && state });
      // Doubts about the scores come before the scores.
      const [one, other] = state === "holds" ? [detail, sum] : [sum, detail];
      if (one.nextElementSibling !== other) one.after(other);
      scale.update(drawn, dark);
      scored.update(drawn, dark);
      list.update(drawn);
    }
    scored.select(tokens);
    list.select(tokens);
    every?.select(drawn, tokens);
    tell();
  };

  const checks = checksPlace(signal);
  let answered = new AbortController();
  const method = element("p", { class: "tb-note" });
  const introduce = (title: string) => {
    checks.show(scores.checks);
    // Replace the menu: an open one, or its message, belongs to the answer before.
    answered.abort();
    answered = new AbortController();
    const taken = { name: "token-scores", code: () => scores.code, csv: () => numbers(scores, text) };
    const menu = viewMenu(el, taken, AbortSignal.any([signal, answered.signal]));
    head.replaceChildren(element("h2", {}, title), scale.el, element("span", { class: "tb-push tb-head-end" }, checks.el, menu));
    method.textContent = methodLine(scores);
    method.title = scores.method;
  };
  introduce(heading);
  body.append(
    method,
    element("div", { class: "tb-scores-main" }, element("div", { class: "tb-scores-text" }, scored.el, detail, sum), list.el),
  );
  if (every) body.append(every.el);
  update();
  selection.on(update, signal);
  onThemeChange(
    el,
    (now) => {
      dark = now;
      scale.update(drawn, dark);
      scored.update(drawn, dark);
      every?.recolour(dark);
    },
    signal,
  );
  return {
    isHere: () => body.contains(scored.el),
    replace: (next, title) => {
      if (every || next.target.step === null) return false;
      scores = next;
      scale = legend(scores);
      introduce(title);
      [resting, drawn] = [false, -1];
      // The pointer or the focus may still be on a token.
      pointed = pointed && { ...pointed, step: step() };
      update();
      return true;
    },
    rest: () => {
      resting = true;
    },
    focus: scored.focus,
  };
}

/** The step to show: the selected one if the answer explains it, else the first of the answer. */
function shownStep({ steps }: Scores, step: number | null): number {
  return step !== null && steps.includes(step) ? step : (steps[0] ?? 0);
}

function asked({ sentences: { steps, questions } }: Scores, step: number): string {
  return questions[steps.indexOf(step)] ?? "";
}

/** Says why the shown step is not the selected one. */
function missing(scores: Scores, step: number | null): string {
  const shown = shownStep(scores, step);
  if (step === null) return `No step is selected: this is step ${shown}.`;
  return step === shown ? "" : `Step ${step} has no scores: this is step ${shown}.`;
}

function tokensOf({ token }: Readonly<Fields>): number[] {
  if (token === null) return [];
  if (typeof token === "number") return [token];
  return Array.from({ length: Math.max(0, token[1] - token[0]) }, (_, i) => token[0] + i);
}
