// Attention on the page: all heads as small maps, one large, and the text as the current position looked at it.

import type { Attention } from "../attention";
import { lengthOf, mapOf, rowOf, sinkOf, sinksOf, whoseIn } from "../attention";
import { checksWord } from "../checks";
import { element } from "../dom";
import { viewMenu } from "../menu";
import type { Selection } from "../selection";
import { isDark, onThemeChange } from "../theme";
import type { Piece } from "../tokens";
import { token } from "../tokens";
import type { Text } from "../trace";
import { headMap } from "./map";
import { numbers } from "./numbers";
import { overview } from "./overview";
import { queryIn, selectCell } from "./read";
import type { Taste } from "./scale";
import { scale } from "./scale";
import { lookedAt } from "./text";
import { about, named, predicts, share, whoseName } from "./words";

export interface Places {
  /** The view's root. */
  el: HTMLElement;
  /** In the head, after the heading. */
  head: HTMLElement;
  body: HTMLElement;
}

interface Cell {
  query: number;
  key: number;
}

export function showAttention(
  { el, head, body }: Places,
  attention: Attention,
  text: Text,
  selection: Selection,
  taste: Taste,
  signal: AbortSignal,
) {
  if (lengthOf(attention) !== text.pieces.length) {
    throw new Error(`The attention is of ${lengthOf(attention)} tokens, the text has ${text.pieces.length}.`);
  }
  let dark = isDark(el);
  let pointed: Cell | null = null;
  const sinks = attention.sink !== null;
  const whose = () => whoseIn(attention, selection.fields);
  const query = () => queryIn(text, selection.fields);
  const weightAt = (at: Cell) => rowOf(attention, whose(), at.query)[at.key] ?? 0;
  const point = (cell: Cell | null) => {
    pointed = cell;
    tell();
  };

  const all = overview(attention, ({ layer, head }) => selection.set({ layer, head }), signal);
  const one = headMap(
    {
      text,
      sinks,
      said: (from, key) =>
        `from position ${from} ${named(text, from)} to position ${key} ${named(text, key)}: ${share(weightAt({ query: from, key }), whose())}`,
      onCell: (from, key) => selectCell(selection, text, from, key),
      onPoint: point,
    },
    signal,
  );
  const looked = lookedAt(
    {
      text,
      sinks,
      share: (weight) => share(weight, whose()),
      onKey: (key) => selection.set({ key }),
      onPoint: (key) => point(key === null ? null : { query: query(), key }),
    },
    signal,
  );
  const question = element("p", { class: "tb-att-question", "aria-live": "polite" });
  const which = element("h3", {});
  const detail = element("p", { class: "tb-detail", "aria-live": "polite" });

  const tell = () => {
    const row = rowOf(attention, whose(), query());
    const chosen = selection.fields.key;
    const key = chosen !== null && chosen <= query() ? chosen : row.indexOf(row.reduce((a, b) => Math.max(a, b), 0));
    const at = pointed ?? { query: query(), key };
    if (at.key > at.query || !text.pieces[at.key]) {
      detail.replaceChildren(`position ${at.key} comes after position ${at.query}`);
      return;
    }
    const from = at.query === query() ? "" : `, from position ${at.query}`;
    const piece = token(text.pieces[at.key] as Piece, { title: "" });
    detail.replaceChildren(`position ${at.key} `, piece, `: ${share(weightAt(at), whose())}${from}`);
  };
  const update = () => {
    const { key } = selection.fields;
    const row = rowOf(attention, whose(), query());
    const tint = tints.of(row, query(), dark);
    question.replaceChildren(
      `from position ${query()} `,
      token(text.pieces[query()] as Piece, { title: "" }),
      predicts(text, query()),
    );
    which.textContent = capital(whoseName(whose()));
    all.paint(query(), dark);
    all.select(whose());
    one.paint({ map: mapOf(attention, whose()), sink: sinksOf(attention, whose()), tint, dark });
    one.select(query(), key);
    looked.paint({ weights: row, sink: sinkOf(attention, whose(), query()), query: query(), tint, dark });
    looked.select(key);
    tell();
  };
  const tints = scale("the attention", taste, update, signal);

  const takeaways = viewMenu(
    el,
    { name: "attention", code: () => attention.code, csv: () => numbers(attention, text, whose(), query()) },
    signal,
  );
  head.replaceChildren(
    tints.legend,
    tints.button,
    element("span", { class: "tb-push tb-head-end" }, checksWord(attention.checks, signal), takeaways),
  );
  signal.addEventListener("abort", () => head.replaceChildren());
  const chosen = element("div", { class: "tb-att-chosen" }, which, one.el, detail, looked.el);
  const main = element("div", { class: "tb-att-main" }, all.el, chosen);
  body.append(question, main, element("p", { class: "tb-note", title: attention.method }, about(attention, all.maps)));
  const layOut = () => {
    all.layOut(main.clientWidth || 800);
    one.layOut(chosen.clientWidth || 400);
  };
  layOut();
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
      update();
    },
    signal,
  );
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
