// Attention on the page: all heads as small maps, one large, and the text as the current position looked at it.

import { isAbsent } from "../ask";
import type { HeadSlice } from "../attention";
import { rowOf, whoseIn } from "../attention";
import { checksWord } from "../checks";
import { element, onResize } from "../dom";
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
import type { Source } from "./source";
import { lookedAt } from "./text";
import { largestOf } from "./tint";
import { wanted } from "./wanted";
import { about, figure, named, predicts, share, whoseName } from "./words";

export interface Places {
  /** The view's root. */
  el: HTMLElement;
  /** In the head, after the heading. */
  head: HTMLElement;
  body: HTMLElement;
}

export interface Prepared {
  slices: Source;
  /** What the selection pointed at when it was asked for. */
  first: HeadSlice;
}

interface Cell {
  query: number;
  key: number;
}

export function showAttention(
  { el, head, body }: Places,
  { slices, first }: Prepared,
  text: Text,
  selection: Selection,
  taste: Taste,
  signal: AbortSignal,
): void {
  const { attention } = slices;
  let dark = isDark(el);
  let pointed: Cell | null = null;
  const query = () => queryIn(text, selection.fields);
  const point = (cell: Cell | null) => {
    pointed = cell;
    tell();
  };

  const all = overview(attention, ({ layer, head }) => selection.set({ layer, head }), signal);
  const one = headMap(
    {
      text,
      sinks: attention.sinks,
      said: (from, key) =>
        `from position ${from} ${named(text, from)} to position ${key} ${named(text, key)}: ${share(chosen.slice, from, key)}`,
      onCell: (from, key) => selectCell(selection, text, from, key),
      onPoint: point,
    },
    signal,
  );
  const looked = lookedAt(
    {
      text,
      sinks: attention.sinks,
      share: (key) => share(chosen.slice, query(), key),
      figure: (key) => figure(chosen.slice, query(), key),
      onKey: (key) => selection.set({ key }),
      onPoint: (key) => point(key === null ? null : { query: query(), key }),
    },
    signal,
  );
  const question = element("p", { class: "tb-att-question", "aria-live": "polite" });
  const which = element("h3", {});
  const detail = element("p", { class: "tb-detail", "aria-live": "polite" });
  const note = element("p", { class: "tb-note", title: attention.method });
  const trouble = element("span", { class: "tb-att-trouble", "aria-live": "polite" });

  const tell = () => {
    const row = rowOf(chosen.slice, query());
    const picked = selection.fields.key;
    const chose = picked !== null && picked <= query();
    const key = chose ? picked : largestOf(row, taste.without && query() > 0 ? 1 : 0);
    const at = pointed ?? { query: query(), key };
    // Nobody asked for this one: it says why it is named.
    const lead = pointed || chose ? "" : "most at ";
    if (at.key > at.query || !text.pieces[at.key]) {
      detail.replaceChildren(`position ${at.key} comes after position ${at.query}`);
      return;
    }
    const from = at.query === query() ? "" : `, from position ${at.query}`;
    const piece = token(text.pieces[at.key] as Piece, { title: "" });
    detail.replaceChildren(`${lead}position ${at.key} `, piece, `: ${share(chosen.slice, at.query, at.key)}${from}`);
  };
  const paint = () => {
    const { slice } = chosen;
    const { key } = selection.fields;
    const row = rowOf(slice, query());
    const tint = tints.of(row, query(), dark);
    const reads = token(text.pieces[query()] as Piece, { title: "" });
    question.replaceChildren(`from position ${query()} `, reads, predicts(text, query()));
    which.textContent = capital(whoseName(slice));
    note.textContent = about(attention, slice, query());
    all.paint(dark);
    one.paint({ weights: slice.weights, sink: slice.sink, tint, dark });
    one.select(query(), key);
    looked.paint({ weights: row, sink: slice.sink?.[query()] ?? null, query: query(), tint, dark });
    looked.select(key);
    tell();
  };
  const tints = scale({ what: "the attention", except: "small maps" }, taste, paint, signal);
  const chosen = wanted(
    {
      source: slices,
      first,
      onSlice: paint,
      onBusy: (whose) => {
        panel.setAttribute("aria-busy", String(whose !== null));
        trouble.textContent = whose ? `Asking for ${whoseName(whose)} …` : "";
      },
      onError: (error) => trouble.replaceChildren(...whyNot(error, whoseName(whoseIn(attention, selection.fields)))),
    },
    signal,
  );
  const update = () => {
    const whose = whoseIn(attention, selection.fields);
    all.select(whose);
    if (!chosen.want(whose)) paint();
  };

  const csv = () => numbers(chosen.slice, text, query());
  const takeaways = viewMenu(el, { name: "attention", code: () => attention.code, csv }, signal);
  head.replaceChildren(
    // First what does not change its size, so that it stays under the pointer.
    tints.button,
    tints.legend,
    element("span", { class: "tb-push tb-head-end" }, checksWord(attention.checks, signal), takeaways),
  );
  signal.addEventListener("abort", () => head.replaceChildren());
  const name = element("div", { class: "tb-att-name" }, which, trouble);
  const panel = element("div", { class: "tb-att-chosen" }, name, one.el, detail, looked.el);
  const main = element("div", { class: "tb-att-main" }, all.el, panel);
  body.append(question, main, note);
  const layOut = () => {
    all.layOut(main.clientWidth || 800);
    one.layOut(panel.clientWidth || 400);
  };
  layOut();
  update();
  onResize([main, panel], layOut, signal);
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

/** A sentence, and the Python that would compute it where nothing here can. */
function whyNot(error: unknown, name: string): (string | HTMLElement)[] {
  if (error === null) return [];
  const sentence = `There is no ${name} here: ${error instanceof Error ? error.message : String(error)}`;
  return isAbsent(error) && error.code ? [`${sentence} This Python computes it: `, element("code", {}, error.code)] : [sentence];
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
