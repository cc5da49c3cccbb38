// The list of tokens with their scores, by size or by position, the first few or all.

import { token as tokenElement } from "../tokens";
import type { Text } from "../trace";
import { element, focusedIn, keepInSight, setAttributes, setSelected } from "../ui/dom";
import { isBare, take } from "../ui/keys";
import { segmented } from "../ui/switch";
import type { Row, Scores } from "./result";
import { bySize, rowOf } from "./result";
import { inColumn, inWords } from "./words";

/** The number of tokens shown at first; a click shows the rest. */
export const FIRST = 12;

export type Order = "size" | "position";

/** The reader's choice of order and length. It stays from step to step. */
export interface Preferences {
  order: Order;
  all: boolean;
}

export interface ListSpec {
  /** The answer on the page. */
  scores: () => Scores;
  text: Text;
  preferences: Preferences;
  onSelect: (token: number) => void;
  onPoint: (token: number | null) => void;
}

export interface ScoreList {
  el: HTMLElement;
  update(step: number): void;
  select(tokens: readonly number[]): void;
}

export function scoreList({ scores, text, preferences, onSelect, onPoint }: ListSpec, signal: AbortSignal): ScoreList {
  const rows = element("div", { class: "tb-score-rows", role: "listbox", "aria-label": "Scores of the tokens" });
  rows.dataset.capture = "whole";
  const more = element("button", { class: "tb-button", type: "button", "aria-expanded": "false" });
  const order = segmented<Order>(
    "Order of the tokens",
    { size: "by size", position: "by position" },
    preferences.order,
    (chosen) => {
      preferences.order = chosen;
      draw();
    },
  );
  const el = element(
    "div",
    { class: "tb-scores-list" },
    element("div", { class: "tb-head" }, element("h3", {}, "Score of each token"), element("span", { class: "tb-push" }, order)),
    rows,
    element("div", { class: "tb-list-foot", "data-capture": "no" }, more),
  );
  let now = rowOf(scores(), scores().steps[0] ?? 0);
  let selected: readonly number[] = [];
  let shown: number[] = [];
  let home = -1;

  const draw = () => {
    const focused = tokenAt(focusedIn(rows));
    const count = now.tokens.length;
    shown = visible(now, preferences, selected);
    if (!shown.includes(home)) home = shown[0] ?? -1;
    rows.replaceChildren(...shown.map((token, i) => row(token, preferences.all ? -1 : i)));
    mark();
    if (focused !== null) find(shown.includes(focused) ? focused : home)?.focus({ preventScroll: true });
    more.hidden = count <= FIRST;
    more.textContent = preferences.all ? `First ${FIRST}` : `All ${count}`;
    more.setAttribute("aria-expanded", String(preferences.all));
  };
  const mark = () => {
    for (const each of rows.children as HTMLCollectionOf<HTMLElement>) {
      const token = Number(each.dataset.token);
      setSelected(each, selected.includes(token));
      each.tabIndex = token === home ? 0 : -1;
    }
  };
  const find = (token: number) => rows.querySelector<HTMLElement>(`[data-token="${token}"]`);
  const go = (token: number) => {
    home = token;
    onSelect(token);
    mark();
    find(token)?.focus({ preventScroll: true });
  };
  const row = (token: number, place: number) => {
    const score = now.values[token] ?? 0;
    const most = now.widest || 1;
    const label = inWords(scores(), text, now.step, token);
    const side = score < 0 ? "right:50%" : "left:50%";
    const bar = element("i", { style: `${side};width:${((50 * Math.abs(score)) / most).toFixed(1)}%` });
    return element(
      "div",
      {
        class: "tb-score-row",
        role: "option",
        "data-token": token,
        "data-gap": place >= FIRST,
        "aria-label": label,
        title: label,
      },
      element("span", { class: "tb-score-at" }, String(token)),
      tokenElement(text.pieces[token] ?? ["", "?", "special"], { title: "" }),
      element("span", { class: "tb-signed", "data-sign": score < 0 ? "below" : "above" }, bar),
      element("span", { class: "tb-score-value" }, inColumn(score, most)),
    );
  };

  more.addEventListener("click", () => {
    preferences.all = !preferences.all;
    draw();
  });
  rows.addEventListener(
    "click",
    (event) => {
      const token = tokenAt(event.target);
      if (token !== null) go(token);
    },
    { signal },
  );
  rows.addEventListener(
    "keydown",
    (event) => {
      const token = tokenAt(event.target);
      const next = token === null ? null : after(event, shown, token);
      if (next === null) return;
      take(event);
      go(next);
    },
    { signal },
  );
  for (const name of ["pointerover", "focusin"] as const) {
    rows.addEventListener(name, (event) => onPoint(tokenAt(event.target)), { signal });
  }
  for (const name of ["pointerleave", "focusout"] as const) rows.addEventListener(name, () => onPoint(null), { signal });

  return {
    el,
    update: (step) => {
      now = rowOf(scores(), step);
      draw();
    },
    select: (tokens) => {
      const changed = tokens[0] !== selected[0];
      selected = tokens;
      const inFocus = rows.contains(focusedIn(rows));
      if (!inFocus && tokens[0] !== undefined && now.tokens.includes(tokens[0])) home = tokens[0];
      // The list always has the selected token.
      if (visible(now, preferences, selected).join() !== shown.join()) draw();
      else mark();
      const first = rows.querySelector<HTMLElement>('[aria-selected="true"]');
      if (changed && first) keepInSight(rows, first);
      setAttributes(rows, { "aria-multiselectable": tokens.length > 1 && "true" });
    },
  };
}

/** The tokens of the list: the first in the order, then the selected one if it is not among them. */
export function visible(row: Row, { order, all }: Preferences, selected: readonly number[]): number[] {
  const sorted = order === "size" ? bySize(row) : row.tokens;
  return sorted.filter((token, i) => all || i < FIRST || selected.includes(token));
}

function tokenAt(node: EventTarget | null): number | null {
  const found = (node as Element | null)?.closest<HTMLElement>(".tb-score-row")?.dataset.token;
  return found === undefined ? null : Number(found);
}

function after(event: KeyboardEvent, shown: readonly number[], token: number): number | null {
  if (!isBare(event)) return null;
  const [at, last] = [shown.indexOf(token), shown.length - 1];
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: last, Enter: at, " ": at }[event.key];
  return to === undefined ? null : (shown[Math.min(last, Math.max(0, to))] ?? null);
}
