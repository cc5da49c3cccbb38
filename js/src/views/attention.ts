// Where every head looked: all of them as small maps, one large, and the text as the current position looked at it.
// Twin of tracebench/views/attention.py.

import type { Context } from "../afm";
import { widget } from "../afm";
import type { Attention } from "../attention";
import { lengthOf, rowOf, whoseIn } from "../attention";
import { legend } from "../attention/legend";
import { headMap } from "../attention/map";
import { numbers } from "../attention/numbers";
import { overview } from "../attention/overview";
import { save, savePicture } from "../attention/picture";
import { lookedAt } from "../attention/text";
import { about, predicts, share, whoseName } from "../attention/words";
import { checksWord } from "../checks";
import { copyText } from "../copy";
import { element } from "../dom";
import { menu } from "../menu";
import type { Fields } from "../selection";
import { position, selectLensCell } from "../selection";
import { askAndShow } from "../states";
import { isDark, onThemeChange } from "../theme";
import type { Piece } from "../tokens";
import { token } from "../tokens";
import type { Text } from "../trace";

const HEADING = "Where did it look?";

/** `data` is the text that the attention is about; the attention itself is asked for. */
export function attentionView(context: Context<Text>): void {
  const { el, data: text, answers, request, signal } = context;
  if (!request) throw new Error("The attention view has nothing to ask for.");
  if (!text.pieces) throw new Error("The attention view needs the text: data with prompt_length, steps, ids and pieces.");
  const head = element("header", { class: "tb-head" }, element("h2", {}, HEADING));
  const body = element("div", { class: "tb-att-body" });
  el.append(head, body);
  askAndShow({
    root: el,
    body,
    answers,
    request,
    signal,
    what: "the attention",
    show: (answer, shown) => {
      shown.addEventListener("abort", () => head.replaceChildren(element("h2", {}, HEADING)));
      show({ ...context, signal: shown }, head, body, answer as Attention);
    },
  });
}

interface Cell {
  query: number;
  key: number;
}

function show({ el, data: text, selection, signal }: Context<Text>, head: HTMLElement, body: HTMLElement, attention: Attention) {
  if (lengthOf(attention) !== text.pieces.length) {
    throw new Error(`The attention is of ${lengthOf(attention)} tokens, the text has ${text.pieces.length}.`);
  }
  let dark = isDark(el);
  let pointed: Cell | null = null;
  const whose = () => whoseIn(attention, selection.fields);
  const query = () => queryIn(text, selection.fields);
  const point = (cell: Cell | null) => {
    pointed = cell;
    tell();
  };

  const scale = legend();
  const all = overview(attention, ({ layer, head }) => selection.set({ layer, head }), signal);
  const one = headMap(
    {
      attention,
      text,
      onQuery: (at) => selectLensCell(selection, text, selection.fields.layer, at),
      onPoint: point,
    },
    signal,
  );
  const looked = lookedAt(
    {
      attention,
      text,
      onKey: (key) => selection.set({ key }),
      onPoint: (key) => point(key === null ? null : { query: query(), key }),
    },
    signal,
  );
  const question = element("p", { class: "tb-att-question", "aria-live": "polite" });
  const which = element("h3", {});
  const detail = element("p", { class: "tb-detail" });

  const tell = () => {
    const row = rowOf(attention, whose(), query());
    const chosen = selection.fields.key;
    const key = chosen !== null && chosen <= query() ? chosen : row.indexOf(row.reduce((a, b) => Math.max(a, b), 0));
    const at = pointed ?? { query: query(), key };
    if (at.key > at.query || !text.pieces[at.key]) {
      detail.replaceChildren(`position ${at.key} comes after position ${at.query}`);
      return;
    }
    const weight = rowOf(attention, whose(), at.query)[at.key] ?? 0;
    const from = at.query === query() ? "" : `, from position ${at.query}`;
    detail.replaceChildren(`position ${at.key} `, named(text, at.key), `: ${share(weight, whose())}${from}`);
  };
  const update = () => {
    const { key } = selection.fields;
    question.replaceChildren(`from position ${query()} `, named(text, query()), predicts(text, query()));
    which.textContent = capital(whoseName(whose()));
    all.paint(query(), dark);
    all.select(whose());
    one.paint(whose(), dark);
    one.select(query(), key);
    looked.paint(whose(), query(), dark);
    looked.select(key);
    tell();
  };

  const takeaways = menu(
    [
      { label: "Copy code", run: (button) => copyText(attention.code, button) },
      {
        label: "Save numbers (CSV)",
        run: () => save("attention.csv", new Blob([numbers(attention, text, whose(), query())], { type: "text/csv" })),
      },
      { label: "Save picture (PNG)", run: () => savePicture(el, "attention") },
    ],
    signal,
  );
  head.replaceChildren(
    element("h2", {}, HEADING),
    scale.el,
    element("span", { class: "tb-push tb-head-end" }, checksWord(attention.checks, signal), takeaways),
  );
  const chosen = element("div", { class: "tb-att-chosen" }, which, one.el, detail, looked.el);
  const main = element("div", { class: "tb-att-main" }, all.el, chosen);
  body.append(question, main, element("p", { class: "tb-note", title: attention.method }, about(attention, all.maps)));
  const layOut = () => {
    all.layOut(main.clientWidth || 800);
    one.layOut(chosen.clientWidth || 400);
  };
  layOut();
  scale.update(dark);
  update();
  const observer = new ResizeObserver(layOut);
  observer.observe(main);
  observer.observe(chosen);
  signal.addEventListener("abort", () => observer.disconnect());
  selection.on(update, signal);
  onThemeChange(
    el,
    (now) => {
      dark = now;
      scale.update(dark);
      update();
    },
    signal,
  );
}

function named(text: Text, at: number): HTMLElement {
  return token(text.pieces[at] as Piece, { title: "" });
}

/** The position that is read: the selected one, else where the step is predicted, else the last. */
function queryIn(text: Text, { query, step }: Readonly<Fields>): number {
  const last = text.pieces.length - 1;
  const asked = query ?? (text.steps > 0 ? position(text, step ?? 0) : last);
  return Math.min(last, Math.max(0, asked));
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export default widget("attention", attentionView);
