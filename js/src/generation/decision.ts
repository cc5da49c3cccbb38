// The alternatives at a step: the most likely tokens, and the chosen one.

import { tokenOf } from "../selection";
import type { Piece } from "../tokens";
import { isolated, pieceOf, token } from "../tokens";
import type { Trace } from "../trace";
import { element } from "../ui/dom";
import { nats, probability, withP } from "../ui/format";
import { ifChanged } from "../ui/unchanged";
import { wasRead } from "./blocks";
import { bar } from "./text";

/** The number of candidates shown at first; a click shows the rest. */
const FIRST = 8;

interface Row {
  rank: number;
  piece: Piece;
  p: number;
  chosen: boolean;
}

export interface DecisionView {
  el: HTMLElement;
  /** `elsewhere` is the selected position if it does not predict this step. */
  update(step: number | null, elsewhere: number | null): void;
}

export function decision(trace: Trace): DecisionView {
  const title = element("h3", {});
  const entropy = element("span", { class: "tb-note tb-push" });
  const note = element("p", { class: "tb-note tb-elsewhere", hidden: true });
  const list = element("ol", { class: "tb-candidates", "aria-label": "Most likely tokens" });
  const more = element("button", { class: "tb-button", type: "button", "aria-expanded": "false" });
  const rest = element("span", { class: "tb-note" });
  const foot = element("div", { class: "tb-decision-foot" }, rest, more);
  const how = drawn(trace.provenance.settings ?? {});
  const el = element(
    "div",
    { class: "tb-decision" },
    element("div", { class: "tb-head" }, title, entropy),
    note,
    list,
    foot,
    how && element("p", { class: "tb-note tb-drawn" }, how),
  );

  const word = wasRead(trace) ? "came next" : "chosen";
  let shown: number | null = null;
  let all = false;
  const update = ifChanged((step: number | null, elsewhere: number | null) => {
    el.toggleAttribute("data-elsewhere", elsewhere !== null);
    note.hidden = elsewhere === null;
    note.textContent = elsewhere === null ? "" : `Position ${elsewhere} is selected; it does not predict this step.`;
    show(step);
  });
  const show = (step: number | null) => {
    shown = step;
    el.hidden = step === null || trace.steps === 0;
    if (step === null) return;
    const rows = candidates(trace, step);
    const visible = rows.filter((row, i) => all || i < FIRST || row.chosen);
    title.textContent = `The decision at step ${step}`;
    entropy.textContent = `entropy ${nats(trace.entropy.at({ step }))} nats`;
    list.replaceChildren(...visible.map((row, i) => item(row, word, row.rank > (visible[i - 1]?.rank ?? -1) + 1)));
    const others = Math.max(0, 1 - visible.reduce((sum, { p }) => sum + p, 0));
    rest.textContent = `all other tokens together: ${probability(others)}`;
    more.hidden = rows.length <= FIRST;
    more.textContent = all ? "Fewer" : `All ${rows.length}`;
    more.setAttribute("aria-expanded", String(all));
  };
  more.addEventListener("click", () => {
    all = !all;
    show(shown);
  });
  return { el, update };
}

/** How the token was drawn; "" if it was not. The probabilities shown are the model's own, before sampling settings. */
export function drawn(settings: Readonly<Record<string, unknown>>): string {
  const names = { temperature: "temperature", top_k: "top-k", top_p: "top-p" };
  const used = Object.entries(names).flatMap(([key, name]) =>
    typeof settings[key] === "number" ? [`${name} ${settings[key]}`] : [],
  );
  if (used.join() === "temperature 1") return "Sampled from these probabilities (temperature 1).";
  return used.length > 0
    ? `Sampled with ${used.join(", ")}. The probabilities here are the model's own, before these settings.`
    : "";
}

/** The recorded candidates of a step, and the chosen token, also if it is not among them. */
export function candidates(trace: Trace, step: number): Row[] {
  const { ids, probs } = trace.candidates;
  const chosen = trace.ranks.at({ step });
  const rows = ids.numbers("rank").map((rank) => ({
    rank,
    piece: pieceOf(trace.vocab, ids.at({ step, rank })),
    p: probs.at({ step, rank }),
    chosen: rank === chosen,
  }));
  if (!rows.some((row) => row.chosen)) {
    const piece = trace.pieces[tokenOf(trace, step)] ?? ["", "?", "special"];
    rows.push({ rank: chosen < 0 ? Number.POSITIVE_INFINITY : chosen, piece, p: trace.probs.at({ step }), chosen: true });
  }
  return rows;
}

function item({ rank, piece, p, chosen }: Row, word: string, gap: boolean): HTMLElement {
  const past = rank === Number.POSITIVE_INFINITY;
  const place = past ? "rank not recorded" : `choice ${rank + 1}`;
  return element(
    "li",
    {
      class: "tb-candidate",
      "data-rank": past ? null : rank,
      "data-chosen": chosen,
      "data-gap": gap,
      "aria-current": chosen ? "true" : null,
      title: `${isolated(piece[1])} · ${place}, ${withP(p)}`,
    },
    element("span", { class: "tb-choice", "aria-label": place }, past ? "…" : String(rank + 1)),
    token(piece),
    chosen && element("span", { class: "tb-chosen" }, word),
    bar(p),
    element("span", { class: "tb-value" }, probability(p)),
  );
}
