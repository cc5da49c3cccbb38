// Shows attention: small maps of all heads, a large map of one head, and the text with one row of its weights.

import { detailLine, spokenOf } from "../maps/detail";
import { follow } from "../maps/follow";
import type { Places } from "../maps/head";
import { fillHead } from "../maps/head";
import { queryIn, selectCell, selectKey } from "../maps/read";
import type { Preferences } from "../maps/scale";
import { scale } from "../maps/scale";
import { lookedAt } from "../maps/text";
import { withoutFirst } from "../maps/tint";
import { rowStart } from "../maps/triangle";
import { named, predicts } from "../maps/words";
import type { Selection } from "../selection";
import type { Source } from "../slices/source";
import { trouble } from "../slices/trouble";
import { wanted } from "../slices/wanted";
import type { Piece } from "../tokens";
import { token } from "../tokens";
import type { Text } from "../trace";
import { element } from "../ui/dom";
import { isDark } from "../ui/theme";
import { ifChanged, write } from "../ui/unchanged";
import { AROUND, headMap, LARGEST } from "./map";
import { numbers } from "./numbers";
import { overview } from "./overview";
import type { Attention, Whose } from "./result";
import { whoseIn } from "./result";
import type { HeadSlice } from "./slice";
import { rowOf } from "./slice";
import { about, share, whoseName } from "./words";

export interface Prepared {
  attention: Attention;
  slices: Source<Whose, HeadSlice>;
  /** The slice that was selected when the view asked. */
  first: HeadSlice;
}

/** Pixels between the small maps, the large map and the text. */
const GAP = 32;
/** The smallest widths: of the large map beside the small ones, and of the text beside both. */
const [LEAST, TEXT] = [400, 340];

interface Cell {
  query: number;
  key: number;
}

export function showAttention(
  places: Places,
  { attention, slices, first }: Prepared,
  text: Text,
  selection: Selection,
  preferences: Preferences,
  signal: AbortSignal,
): void {
  const { el, body } = places;
  let slice = first;
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
      describe: (from, key) =>
        `from position ${from} ${named(text, from)} to position ${key} ${named(text, key)}: weight ${share(slice, from, key)}`,
      onCell: (from, key) => selectCell(selection, text, from, key),
      onPoint: point,
    },
    signal,
  );
  const looked = lookedAt(
    {
      text,
      sinks: attention.sinks,
      onKey: (key) => selectKey(selection, key),
      onPoint: (key) => point(key === null ? null : { query: query(), key }),
    },
    signal,
  );
  const question = element("p", { class: "tb-att-question", "aria-live": "polite" });
  const which = element("h3", {});
  const line = detailLine(text, "weight");
  const note = element("p", { class: "tb-note", title: attention.method });

  const tell = () => {
    const { key, chose } = spokenOf(selection.fields.key, rowOf(slice, query()), query(), preferences.skipFirst);
    const at = pointed ?? { query: query(), key };
    const from = at.query === query() ? "" : `, from position ${at.query}`;
    const words = at.key > at.query ? "" : `${share(slice, at.query, at.key)}${from}`;
    line.tell({ ...at, words, isLargest: !pointed && !chose });
  };
  const ask = ifChanged((position: number) => {
    const reads = token(text.pieces[position] as Piece, { title: "" });
    question.replaceChildren(`Attention from position ${position} `, reads, predicts(text, position));
  });
  const paint = () => {
    const { key } = selection.fields;
    const row = rowOf(slice, query());
    const tint = tints.of(withoutFirst(row, query()), dark);
    ask(query());
    write(which, capital(whoseName(slice)));
    write(note, about(attention, slice, query()));
    all.paint(dark);
    one.paint({ weights: slice.weights, sink: slice.sink, tint, dark });
    one.select(query(), key);
    const exact = slice.exact?.subarray(rowStart(query()), rowStart(query() + 1)) ?? null;
    looked.paint({ weights: row, exact, sink: slice.sink?.[query()] ?? null, query: query(), tint, dark });
    looked.select(key);
    tell();
  };
  const meaning = {
    what: "attention weight",
    most: "the largest weight in this row except position 0; the small maps keep 0 to 1",
  };
  const tints = scale(meaning, preferences, paint, signal);
  // Made before any part that may throw, so that the loading note always ends with the view.
  const panel = element("div", { class: "tb-att-chosen" }, which, one.el);
  const status = trouble(() => chosen.retry());
  const chosen = wanted(
    {
      source: slices,
      first,
      onSlice: (other) => {
        slice = other;
        paint();
      },
      onBusy: (whose, isSilent) => {
        panel.setAttribute("aria-busy", String(whose !== null));
        status.busy(whose && whoseName(whose), isSilent);
      },
      onError: (error, whose) => status.failed(error, whoseName(whose)),
    },
    signal,
  );

  const csv = () => numbers(slice, text, query());
  fillHead(places, tints, attention.checks, { name: "attention", code: () => attention.code, csv }, signal);
  const reading = element("div", { class: "tb-att-reading" }, line.el, looked.el);
  // An invisible element with the largest height that the style sheet allows the large map; it is higher in an enlarged view.
  const tallest = element("i", { class: "tb-att-tallest", "aria-hidden": "true" });
  const main = element("div", { class: "tb-att-main" }, all.el, panel, reading, tallest);
  body.append(element("div", { class: "tb-att-top" }, question, tints.note, status.el), main, note);
  follow(
    el,
    {
      sized: [main, tallest],
      layOut: () => {
        const room = main.clientWidth || 800;
        all.layOut(room, room - AROUND - LARGEST - TEXT - 2 * GAP);
        const beside = room - all.el.offsetWidth - GAP;
        const free = beside - AROUND - TEXT - GAP;
        one.layOut(beside >= LEAST ? beside : room, Math.max(LARGEST, Math.min(tallest.offsetHeight, free)));
      },
      update: () => {
        const whose = whoseIn(attention, selection.fields);
        all.select(whose);
        if (!chosen.want(whose)) paint();
      },
      onTheme: (now) => {
        dark = now;
      },
    },
    selection,
    signal,
  );
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
