// Shows a rollout: a map of layers x input tokens for one position, and the text tinted by the row of one layer.

import { detailLine, spokenOf } from "../maps/detail";
import { follow } from "../maps/follow";
import type { Places } from "../maps/head";
import { fillHead } from "../maps/head";
import { palette } from "../maps/paint";
import { queryIn, selectKey } from "../maps/read";
import type { Preferences } from "../maps/scale";
import { scale } from "../maps/scale";
import { sheet } from "../maps/sheet";
import { lookedAt } from "../maps/text";
import { LEAST_TOP, WHOLE, withoutFirstAndOwn } from "../maps/tint";
import { named, predicts } from "../maps/words";
import type { Selection } from "../selection";
import { trouble } from "../slices/trouble";
import { wanted } from "../slices/wanted";
import type { Piece } from "../tokens";
import { token } from "../tokens";
import type { Text } from "../trace";
import { element, setHidden } from "../ui/dom";
import { isDark } from "../ui/theme";
import { ifChanged, write } from "../ui/unchanged";
import { numbers } from "./numbers";
import { mostOthers } from "./others";
import type { PreparedRollout } from "./prepare";
import type { Arrived } from "./result";
import { layerIn, sharesIn } from "./result";
import { about, placeName, shareAfter, TRUST } from "./words";

const LABEL = 46;
const WIDEST_CELL = 34;
const [TALLEST, FLATTEST, TALLEST_CELL] = [420, 4, 18];

export function showRollout(
  places: Places,
  { rollout, slices, first }: PreparedRollout,
  text: Text,
  selection: Selection,
  preferences: Preferences,
  signal: AbortSignal,
): void {
  const { el, body } = places;
  let dark = isDark(el);
  let pointed: { layer: number; key: number } | null = null;
  // A stand-in until the first slice arrives; it is never shown.
  let arrived: Arrived = first ?? { query: 0, layers: rollout.layers, rows: rollout.layers.map(() => new Float32Array(1)) };
  let isHere = first !== null;
  let drawn: unknown[] = [];
  const layer = () => layerIn(rollout, selection.fields.layer);
  const share = (at: number, key: number) => sharesIn(arrived, at)[key] ?? 0;
  const point = (cell: typeof pointed) => {
    pointed = cell;
    tell();
  };

  const question = element("p", { class: "tb-att-question", "aria-live": "polite" });
  const which = element("h3", {});
  const every = element("button", { class: "tb-button", type: "button" }, "all layers");
  every.title = "Select no layer: the text shows the shares after the last one";
  every.addEventListener("click", () => selection.set({ layer: null }), { signal });
  // Without a selected layer the last one is shown, where the tint may be too pale to see.
  const lead = element("button", { class: "tb-button", type: "button" });
  const hint = element("span", { class: "tb-note", hidden: true, "data-capture": "no" }, "position 0 has nearly all · ", lead);
  lead.addEventListener(
    "click",
    () => {
      // The pressed button disappears, so move its focus.
      every.focus({ preventScroll: true });
      selection.set({ layer: Number(lead.dataset.layer) });
    },
    { signal },
  );
  const line = detailLine(text, "share");
  const flow = sheet(
    {
      label: "Layers (down) and input tokens (across)",
      axis: "layer",
      // The last layer on top, as in every view.
      rows: [...rollout.layers].reverse(),
      rowName: String,
      corner: "layer",
      pieces: text.pieces,
      labelWidth: LABEL,
      cellSize: (room) => ({
        width: Math.min(WIDEST_CELL, Math.max(100, room) / text.pieces.length),
        height: Math.min(TALLEST_CELL, Math.max(FLATTEST, TALLEST / rollout.layers.length)),
      }),
      reach: () => arrived.query,
      describe: (at, key) => `position ${key} ${named(text, key)}: share ${shareAfter(share(at, key), at)}`,
      onCell: (at, key) => selectKey(selection, key, at),
      onRow: (at) => selection.set({ layer: at }),
      onPoint: (cell) => point(cell && { layer: cell.row, key: cell.key }),
    },
    signal,
  );
  const looked = lookedAt(
    {
      text,
      sinks: false,
      onKey: (key) => selectKey(selection, key),
      onPoint: (key) => point(key === null ? null : { layer: layer(), key }),
    },
    signal,
  );
  const tell = () => {
    const { query } = arrived;
    const { key, chose } = spokenOf(selection.fields.key, sharesIn(arrived, layer()), query, preferences.skipFirst);
    const at = pointed ?? { layer: layer(), key };
    const words = shareAfter(share(at.layer, at.key), at.layer);
    line.tell({ query, key: at.key, words, isLargest: !pointed && !chose });
  };
  const paint = () => {
    const { query } = arrived;
    const { key } = selection.fields;
    const row = sharesIn(arrived, layer());
    const tint = tints.of(withoutFirstAndOwn(row, query), dark);
    write(which, `After layer ${layer()}${layer() === rollout.layers.at(-1) ? ", the last" : ""}`);
    every.setAttribute("aria-pressed", String(selection.fields.layer === null));
    const more = selection.fields.layer === null ? mostOthers(arrived, layer()) : null;
    setHidden(hint, more === null);
    if (more) {
      lead.dataset.layer = String(more.layer);
      write(lead, `go to layer ${more.layer}: other tokens have about ${Math.round(100 * more.share)} %`);
    }
    // Another layer changes only the mark in the map.
    const drawing = [arrived, tint.from, dark];
    if (drawing.some((each, i) => each !== drawn[i])) {
      flow.paint({ rows: rowsOf(arrived, preferences.skipFirst), own: null, from: tint.from, shades: palette(dark) });
    }
    drawn = drawing;
    flow.select(layer(), key !== null && key <= query ? key : null);
    looked.paint({ weights: row, exact: null, sink: null, query, tint, dark });
    looked.select(key);
    tell();
  };
  const most = `the largest share of another token in this row (at least ${LEAST_TOP}); each row has its own scale`;
  const tints = scale({ what: "share", most }, preferences, () => paint(), signal);
  const ask = ifChanged((query: number) => {
    const name = token(text.pieces[query] as Piece, { title: "" });
    question.replaceChildren(`Shares of the input tokens in position ${query} `, name, predicts(text, query));
  });
  /** Asks for the slices of the positions before and after, so that a key press does not wait for the kernel. */
  const lookAhead = (query: number) => {
    for (const next of [query + 1, query - 1]) {
      // An error is shown when the reader goes there.
      if (next >= 0 && next < rollout.length) slices.get({ query: next }, { signal }).catch(() => {});
    }
  };
  const map = element("div", { class: "tb-flow-map" }, flow.el);
  const name = element("div", { class: "tb-att-name" }, which, every, hint);
  const main = element("div", { class: "tb-flow" }, map, element("div", { class: "tb-flow-text" }, name, looked.el, line.el));
  const isGone = () => main.hasAttribute("data-gone");
  const setGone = (gone: boolean) => main.toggleAttribute("data-gone", gone);
  const status = trouble(() => {
    chosen.retry();
    showOld();
  });
  const chosen = wanted(
    {
      source: slices,
      first,
      onSlice: (slice) => {
        arrived = slice;
        isHere = true;
        show();
        lookAhead(slice.query);
      },
      onBusy: (at, isSilent) => {
        main.setAttribute("aria-busy", String(at !== null));
        status.busy(at && placeName(at.query), isSilent);
      },
      onError: (error, { query }) => {
        setGone(error !== null || !isHere);
        if (error !== null) ask(query);
        status.failed(error, placeName(query));
      },
    },
    signal,
  );
  const show = () => {
    setGone(false);
    ask(arrived.query);
    paint();
  };

  /** Keeps the old slice on the page, with its name, while another one is loading. */
  const showOld = () => {
    if (!isGone()) show();
  };

  const csv = () => {
    if (isGone()) throw new Error("There is no rollout to this position.");
    return numbers(arrived, text);
  };
  fillHead(places, tints, rollout.checks, { name: "rollout", code: () => rollout.code, csv }, signal);
  body.append(
    element("div", { class: "tb-att-top" }, question, tints.note, status.el),
    main,
    element("p", { class: "tb-note", title: rollout.method }, about(rollout)),
    element("p", { class: "tb-note" }, TRUST),
  );
  setGone(!isHere);
  if (first) lookAhead(first.query);
  follow(
    el,
    {
      sized: [main],
      layOut: () => flow.layOut(main.clientWidth || 800),
      update: () => {
        if (!chosen.want({ query: queryIn(text, selection.fields) })) showOld();
      },
      onTheme: (now) => {
        dark = now;
      },
    },
    selection,
    signal,
  );
}

/** The rows to draw, the last layer on top. Without position 0, each row is scaled to its own largest other share. */
function rowsOf({ rows, query }: Arrived, skipFirst: boolean): Float32Array[] {
  return rows
    .map((row) => {
      const { top } = skipFirst ? withoutFirstAndOwn(row, query) : WHOLE;
      return top === 1 ? row : row.map((share) => Math.min(1, share / top));
    })
    .reverse();
}
