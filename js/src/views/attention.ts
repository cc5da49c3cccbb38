// Where every head looked, or what has come to a position by attention. Twin of tracebench/views/attention.py.

import type { Context } from "../afm";
import { widget } from "../afm";
import type { Request } from "../ask";
import type { Attention } from "../attention";
import { showAttention } from "../attention/show";
import { element } from "../dom";
import { remembering } from "../remember";
import type { Rollout } from "../rollout";
import { showRollout } from "../rollout/show";
import { askAndShow } from "../states";
import { segmented } from "../switch";
import type { Text } from "../trace";

/** The text that the attention is about, and the rollouts that can be asked for instead. */
export interface Attended extends Text {
  rollouts?: { label: string; request: Request }[];
}

/** What the answer is, is asked for when it is chosen. */
export function attentionView({ el, data: text, answers, request, selection, signal }: Context<Attended>): void {
  if (!request) throw new Error("The attention view has nothing to ask for.");
  if (!text.pieces) throw new Error("The attention view needs the text: data with prompt_length, steps, ids and pieces.");
  const asked = remembering(answers);
  const rollouts = text.rollouts ?? [];
  const slot = element("span", { class: "tb-att-slot" });
  const heading = element("h2", {});
  const body = element("div", { class: "tb-att-body" });
  const places = { el, head: slot, body };
  const taste = { without: false };
  let life = new AbortController();
  const choose = (name: string) => {
    life.abort();
    life = new AbortController();
    const rollout = rollouts[Number(name) - 1];
    const common = { root: el, body, answers: asked, signal: AbortSignal.any([signal, life.signal]) };
    el.dataset.source = rollout ? "rollout" : "weights";
    heading.textContent = rollout ? "What has come here by attention?" : "Where did it look?";
    if (rollout) {
      const show = (answer: unknown, shown: AbortSignal) => showRollout(places, answer as Rollout, text, selection, taste, shown);
      askAndShow({ ...common, request: rollout.request, what: "the rollout", show });
    } else {
      const show = (answer: unknown, shown: AbortSignal) =>
        showAttention(places, answer as Attention, text, selection, taste, shown);
      askAndShow({ ...common, request, what: "the attention", show });
    }
  };
  const labels = Object.fromEntries(["weights", ...rollouts.map(({ label }) => label)].entries());
  const bar = rollouts.length > 0 ? segmented<string>("What is shown", labels, "0", choose) : null;
  el.append(element("header", { class: "tb-head" }, heading, bar, slot), body);
  choose("0");
}

export default widget("attention", attentionView);
