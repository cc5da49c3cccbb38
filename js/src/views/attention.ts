// Where every head looked: all of them as small maps, one large, and the text as the current position looked at it.
// Twin of tracebench/views/attention.py.

import type { Context } from "../afm";
import { widget } from "../afm";
import { isAbsent } from "../ask";
import type { Attention, HeadSlice } from "../attention";
import { rowOf, whoseIn } from "../attention";
import { legend } from "../attention/legend";
import { headMap } from "../attention/map";
import { numbers } from "../attention/numbers";
import { overview } from "../attention/overview";
import { save, savePicture } from "../attention/picture";
import type { Source } from "../attention/source";
import { source } from "../attention/source";
import { lookedAt } from "../attention/text";
import { wanted } from "../attention/wanted";
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
    prepare: async (answer, options) => {
      const attention = answer as Attention;
      if (attention.length !== text.pieces.length) {
        throw new Error(`The attention is of ${attention.length} tokens, the text has ${text.pieces.length}.`);
      }
      const slices = source(attention, request, answers);
      return { slices, first: await slices.get(whoseIn(attention, context.selection.fields), options) };
    },
    show: (prepared, shown) => {
      shown.addEventListener("abort", () => head.replaceChildren(element("h2", {}, HEADING)));
      show({ ...context, signal: shown }, head, body, prepared as Prepared);
    },
  });
}

interface Prepared {
  slices: Source;
  /** What the selection pointed at when it was asked for. */
  first: HeadSlice;
}

interface Cell {
  query: number;
  key: number;
}

function show(
  { el, data: text, selection, signal }: Context<Text>,
  head: HTMLElement,
  body: HTMLElement,
  { slices, first }: Prepared,
) {
  const { attention } = slices;
  let dark = isDark(el);
  let pointed: Cell | null = null;
  const query = () => queryIn(text, selection.fields);
  const point = (cell: Cell | null) => {
    pointed = cell;
    tell();
  };

  const scale = legend();
  const all = overview(attention, ({ layer, head }) => selection.set({ layer, head }), signal);
  const one = headMap(
    {
      text,
      onQuery: (at) => selectLensCell(selection, text, selection.fields.layer, at),
      onPoint: point,
    },
    signal,
  );
  const looked = lookedAt(
    {
      text,
      sinks: attention.sinks,
      onKey: (key) => selection.set({ key }),
      onPoint: (key) => point(key === null ? null : { query: query(), key }),
    },
    signal,
  );
  const question = element("p", { class: "tb-att-question", "aria-live": "polite" });
  const which = element("h3", {});
  const detail = element("p", { class: "tb-detail" });

  const note = element("p", { class: "tb-note", title: attention.method });
  const trouble = element("span", { class: "tb-att-trouble", "aria-live": "polite" });

  const tell = () => {
    const row = rowOf(chosen.slice, query());
    const picked = selection.fields.key;
    const key = picked !== null && picked <= query() ? picked : row.indexOf(row.reduce((a, b) => Math.max(a, b), 0));
    const at = pointed ?? { query: query(), key };
    if (at.key > at.query || !text.pieces[at.key]) {
      detail.replaceChildren(`position ${at.key} comes after position ${at.query}`);
      return;
    }
    const from = at.query === query() ? "" : `, from position ${at.query}`;
    detail.replaceChildren(`position ${at.key} `, named(text, at.key), `: ${share(chosen.slice, at.query, at.key)}${from}`);
  };
  const paint = () => {
    const { slice } = chosen;
    const { key } = selection.fields;
    question.replaceChildren(`from position ${query()} `, named(text, query()), predicts(text, query()));
    which.textContent = capital(whoseName(slice));
    note.textContent = about(attention, slice, query());
    all.paint(dark);
    one.paint(slice, dark);
    one.select(query(), key);
    looked.paint(slice, query(), dark);
    looked.select(key);
    tell();
  };
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

  const takeaways = menu(
    [
      { label: "Copy code", run: (button) => copyText(attention.code, button) },
      {
        label: "Save numbers (CSV)",
        run: () => save("attention.csv", new Blob([numbers(chosen.slice, text, query())], { type: "text/csv" })),
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
  const name = element("div", { class: "tb-att-name" }, which, trouble);
  const panel = element("div", { class: "tb-att-chosen" }, name, one.el, detail, looked.el);
  const main = element("div", { class: "tb-att-main" }, all.el, panel);
  body.append(question, main, note);
  const layOut = () => {
    all.layOut(main.clientWidth || 800);
    one.layOut(panel.clientWidth || 400);
  };
  layOut();
  scale.update(dark);
  update();
  const observer = new ResizeObserver(layOut);
  observer.observe(main);
  observer.observe(panel);
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

/** A sentence, and the Python that would compute it where nothing here can. */
function whyNot(error: unknown, name: string): (string | HTMLElement)[] {
  if (error === null) return [];
  const sentence = `There is no ${name} here: ${error instanceof Error ? error.message : String(error)}`;
  return isAbsent(error) && error.code ? [`${sentence} This Python computes it: `, element("code", {}, error.code)] : [sentence];
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
