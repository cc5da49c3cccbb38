// A rollout on the page: layers x input tokens for the position that reads, and the text tinted by one layer's row.

import { palette } from "../attention/paint";
import { queryIn } from "../attention/read";
import type { Taste } from "../attention/scale";
import { scale } from "../attention/scale";
import { sheet } from "../attention/sheet";
import type { Places } from "../attention/show";
import { lookedAt } from "../attention/text";
import { largestOf } from "../attention/tint";
import { named, predicts, weightName } from "../attention/words";
import { checksWord } from "../checks";
import { element, onResize } from "../dom";
import { viewMenu } from "../menu";
import type { Rollout } from "../rollout";
import { layerIn, lengthOf, sharesIn } from "../rollout";
import type { Selection } from "../selection";
import { isDark, onThemeChange } from "../theme";
import type { Piece } from "../tokens";
import { token } from "../tokens";
import type { Text } from "../trace";
import { numbers } from "./numbers";
import { about, shareIn, TRUST } from "./words";

const LABEL = 46;
const WIDEST_CELL = 34;
const [TALLEST, FLATTEST, TALLEST_CELL] = [420, 4, 18];

export function showRollout(
  { el, head, body }: Places,
  rollout: Rollout,
  text: Text,
  selection: Selection,
  taste: Taste,
  signal: AbortSignal,
): void {
  if (lengthOf(rollout) !== text.pieces.length) {
    throw new Error(`The rollout is of ${lengthOf(rollout)} tokens, the text has ${text.pieces.length}.`);
  }
  let dark = isDark(el);
  let pointed: { layer: number; key: number } | null = null;
  let drawn = "";
  const query = () => queryIn(text, selection.fields);
  const layer = () => layerIn(rollout, selection.fields.layer);
  const share = (at: number, key: number) => sharesIn(rollout, at, query())[key] ?? 0;

  const question = element("p", { class: "tb-att-question", "aria-live": "polite" });
  const which = element("h3", {});
  const detail = element("p", { class: "tb-detail", "aria-live": "polite" });
  const flow = sheet(
    {
      label: "Layers (down) and input tokens (across)",
      axis: "layer",
      // The last on top, as in every view.
      rows: [...rollout.layers].reverse(),
      rowName: String,
      corner: "layer",
      pieces: text.pieces,
      labelWidth: LABEL,
      cellSize: (room) => ({
        width: Math.min(WIDEST_CELL, Math.max(100, room) / text.pieces.length),
        height: Math.min(TALLEST_CELL, Math.max(FLATTEST, TALLEST / rollout.layers.length)),
      }),
      reach: query,
      said: (at, key) => `position ${key} ${named(text, key)}: ${shareIn(share(at, key), query(), at)}`,
      onCell: (at, key) => selection.set({ layer: at, key, token: key }),
      onRow: (at) => selection.set({ layer: at }),
      onPoint: (cell) => {
        pointed = cell && { layer: cell.row, key: cell.key };
        tell();
      },
    },
    signal,
  );
  const looked = lookedAt(
    {
      text,
      sinks: false,
      share: (key) => shareIn(share(layer(), key), query(), layer()),
      figure: (key) => weightName(share(layer(), key)),
      onKey: (key) => selection.set({ key, token: key }),
      onPoint: (key) => {
        pointed = key === null || key > query() ? null : { layer: layer(), key };
        tell();
      },
    },
    signal,
  );
  const tell = () => {
    const row = sharesIn(rollout, layer(), query());
    const { key } = selection.fields;
    const largest = largestOf(row, taste.without && query() > 0 ? 1 : 0);
    const chose = key !== null && key <= query();
    const at = pointed ?? { layer: layer(), key: chose ? key : largest };
    const lead = pointed || chose ? "" : "most of ";
    const words = `: ${shareIn(share(at.layer, at.key), query(), at.layer)}`;
    detail.replaceChildren(`${lead}position ${at.key} `, token(text.pieces[at.key] as Piece, { title: "" }), words);
  };
  const update = () => {
    const { key } = selection.fields;
    const row = sharesIn(rollout, layer(), query());
    const tint = tints.of(row, query(), dark);
    question.replaceChildren(
      `What has come, by attention, to position ${query()} `,
      token(text.pieces[query()] as Piece, { title: "" }),
      predicts(text, query()),
    );
    which.textContent = `After layer ${layer()}${layer() === rollout.layers.at(-1) ? ", the last" : ""}`;
    // A layer alone changes nothing in the map but the mark.
    const drawing = [query(), tint.from, tint.top, dark].join();
    if (drawing !== drawn) {
      const rows = [...rollout.layers].reverse().map((each) => sharesIn(rollout, each, query()));
      flow.paint({ rows, own: null, from: tint.from, shades: palette(dark, tint.top) });
    }
    drawn = drawing;
    flow.select(layer(), key !== null && key <= query() ? key : null);
    looked.paint({ weights: row, sink: null, query: query(), tint, dark });
    looked.select(key);
    tell();
  };
  const tints = scale({ what: "what is in the position" }, taste, update, signal);

  const takeaways = viewMenu(
    el,
    { name: "rollout", code: () => rollout.code, csv: () => numbers(rollout, text, query()) },
    signal,
  );
  head.replaceChildren(
    // First what does not change its size, so that it stays under the pointer.
    tints.button,
    tints.legend,
    element("span", { class: "tb-push tb-head-end" }, checksWord(rollout.checks, signal), takeaways),
  );
  signal.addEventListener("abort", () => head.replaceChildren());
  const map = element("div", { class: "tb-flow-map" }, flow.el);
  const main = element("div", { class: "tb-flow" }, map, element("div", { class: "tb-flow-text" }, which, looked.el, detail));
  body.append(
    question,
    main,
    element("p", { class: "tb-note", title: rollout.method }, about(rollout)),
    element("p", { class: "tb-note" }, TRUST),
  );
  const layOut = () => flow.layOut(main.clientWidth || 800);
  layOut();
  update();
  onResize([main], layOut, signal);
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
