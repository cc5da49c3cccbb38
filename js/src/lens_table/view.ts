// The logit lens: at which layer the answer formed. A table of layers x positions, and lines of its tokens over the layers.
// Twin of tracebench/views/lens_table.py.

import type { Context } from "../afm";
import { widget } from "../afm";
import { checksPlace } from "../checks";
import { Grid } from "../maps/grid";
import { viewMenu } from "../picture/menu";
import { askAndShow } from "../requests/states";
import type { Fields } from "../selection";
import { position, selectLensCell } from "../selection";
import { pieceOf } from "../tokens";
import type { Text } from "../trace";
import { css, ink, sequential } from "../ui/color";
import { element } from "../ui/dom";
import { layerName } from "../ui/format";
import { segmented } from "../ui/switch";
import { isDark, onThemeChange } from "../ui/theme";
import { cellTitle, detail } from "./detail";
import { explanation } from "./explanation";
import { legend } from "./legend";
import type { ModeName } from "./modes";
import { modes } from "./modes";
import { numbers } from "./numbers";
import type { Lens } from "./result";
import { trajectory } from "./trajectory";
import { watchField } from "./watch";

const HEADING = "When did the answer form?";

/** `data` is the text; the view asks for the lens. */
export function lensTable(context: Context<Text>): void {
  const { el, answers, request, signal } = context;
  const head = element("header", { class: "tb-head" }, element("h2", {}, HEADING));
  const body = element("div", { class: "tb-lens-body" });
  el.append(head, body);
  if (!request) throw new Error("The lens table has no request.");
  if (!context.data.pieces) throw new Error("The lens table needs the text: data with prompt_length, steps, ids and pieces.");
  askAndShow({
    root: el,
    body,
    answers,
    request,
    signal,
    what: "the lens",
    show: (lens, shown) => {
      shown.addEventListener("abort", () => head.replaceChildren(element("h2", {}, HEADING)));
      show({ ...context, signal: shown }, head, body, lens as Lens);
    },
  });
}

function show(
  { el, data, selection, answers, request, remember, signal }: Context<Text>,
  head: HTMLElement,
  body: HTMLElement,
  first: Lens,
): void {
  const text = data;
  let lens = first;
  let all = modes(lens);
  const preferences = remember<{ mode: ModeName }>({ mode: "probability" });
  let dark = isDark(el);

  const grid = new Grid(
    {
      label: "Top token after each layer, at each position",
      axis: "layer",
      rows: lens.probs.numbers("layer").reverse(),
      rowName: layerName,
      labelWidth: 46,
      heads: text.pieces,
      cell: (layer, token) => {
        const ground = sequential(all[preferences.mode].value(layer, token) / all[preferences.mode].max, dark);
        const piece = pieceOf(lens.vocab, lens.token_ids.at({ layer, token, rank: 0 }));
        return { text: piece[1], title: cellTitle(lens, layer, token), ground: css(ground), ink: ink(ground) };
      },
      onSelect: (layer, token) => {
        if (token === null) selection.set({ layer });
        else selectLensCell(selection, text, layer ?? selection.fields.layer, token);
      },
      onFocus: (layer, token) => inFull.update(lens, text, layer, token),
    },
    signal,
  );
  const inFull = detail();
  const scale = legend();
  const tint = segmented<ModeName>(
    "Tint of the cells",
    { probability: "probability", entropy: "entropy", kl: "KL to the last layer" },
    preferences.mode,
    (name) => {
      preferences.mode = name;
      recolour();
    },
  );
  const watch =
    answers.offline || !request
      ? null
      : watchField({ request, ask: answers.ask, lens: () => lens, onAnswer: replace, onBusy: () => update(), signal });
  const lines = trajectory(text, (layer) => selection.set({ layer }), watch, signal);
  const checks = checksPlace(signal);

  const recolour = () => {
    scale.update(all[preferences.mode], dark);
    grid.refresh();
  };
  let at: ReturnType<typeof shownAt>;
  const update = () => {
    at = shownAt(selection.fields, text, lens);
    const { layer, token } = at;
    grid.select(layer, token);
    inFull.update(lens, text, layer, token);
    lines.update(lens, layer, token);
  };
  function replace(next: Lens): void {
    lens = next;
    all = modes(lens);
    checks.show(lens.checks);
    note.textContent = explanation(lens, text);
    recolour();
    update();
  }

  const menu = viewMenu(el, { name: "lens", code: () => lens.code, csv: () => numbers(lens, text) }, signal);
  head.replaceChildren(
    element("h2", {}, HEADING),
    tint,
    scale.el,
    element("span", { class: "tb-push tb-head-end" }, checks.el, menu),
  );
  const note = element("p", { class: "tb-note" });
  body.append(
    element("div", { class: "tb-lens-table-part" }, note, grid.el, inFull.el),
    element("div", { class: "tb-lens-lines-part" }, lines.el),
  );
  if (watch) lines.el.append(watch.el);
  replace(first);
  // A selected head or key changes nothing here.
  const follow = () => {
    const { layer, token } = shownAt(selection.fields, text, lens);
    if (layer !== at.layer || token !== at.token) update();
  };
  selection.on(follow, signal);
  onThemeChange(
    el,
    (now) => {
      dark = now;
      recolour();
    },
    signal,
  );
}

/** The selected cell. Its layer is null if none is selected; without a selected query, it is at the one that predicts the step. */
function shownAt({ layer, query, step }: Readonly<Fields>, text: Text, lens: Lens): { layer: number | null; token: number } {
  const last = text.pieces.length - 1;
  const asked = query ?? (text.steps > 0 ? position(text, step ?? 0) : last);
  const known = layer !== null && lens.probs.numbers("layer").includes(layer);
  return { layer: known ? layer : null, token: Math.min(last, Math.max(0, asked)) };
}

export default widget("lens_table", lensTable);
