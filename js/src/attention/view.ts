// The attention of all heads, or a rollout instead. Twin of tracebench/views/attention.py.

import type { Context } from "../afm";
import { widget } from "../afm";
import type { PreparedRollout } from "../flow/prepare";
import { prepareRollout, slicesOf } from "../flow/prepare";
import type { Arrived, Reading, Rollout } from "../flow/result";
import { showRollout } from "../flow/show";
import type { AskOptions } from "../requests/ask";
import { cached } from "../requests/cache";
import { pinned } from "../requests/pinned";
import type { Request } from "../requests/request";
import { askAndShow } from "../requests/states";
import type { Source } from "../slices/source";
import { source } from "../slices/source";
import type { Text } from "../trace";
import { element } from "../ui/dom";
import { segmented } from "../ui/switch";
import type { Attention, Whose } from "./result";
import { whoseIn } from "./result";
import type { Prepared } from "./show";
import { showAttention } from "./show";
import type { HeadSlice } from "./slice";
import { sliceOf } from "./slice";

/** `data` is the text. The view asks for a rollout when the reader chooses it. */
export function attentionView(context: Context<Text>): void {
  const { el, data: text, answers, request, alternatives: rollouts, selection, signal } = context;
  if (!request) throw new Error("The attention view has no request.");
  if (!text.pieces) throw new Error("The attention view needs the text: data with prompt_length, steps, ids and pieces.");
  const asked = cached(answers);
  const slot = element("span", { class: "tb-att-slot" });
  const heading = element("h2", {});
  const body = element("div", { class: "tb-att-body" });
  const places = { el, head: slot, body };
  const preferences = context.remember({ skipFirst: false, chosen: "0" });
  let life = new AbortController();
  let slices: Source<Whose, HeadSlice> | null = null;
  const flows = new Map<Request, Source<Reading, Arrived>>();
  const choose = (name: string) => {
    life.abort();
    life = new AbortController();
    preferences.chosen = name;
    const rollout = rollouts[Number(name) - 1];
    const common = { root: el, body, answers: asked, signal: AbortSignal.any([signal, life.signal]) };
    el.dataset.source = rollout ? "rollout" : "weights";
    heading.textContent = rollout ? "What has come here by attention?" : "Where did it look?";
    if (rollout) {
      const prepare = (answer: unknown, options: AskOptions) => {
        const its = flows.get(rollout.request) ?? slicesOf(answer as Rollout, rollout.request, pinned(answers, answer));
        flows.set(rollout.request, its);
        return prepareRollout(answer as Rollout, its, text, selection, options);
      };
      const show = (prepared: unknown, shown: AbortSignal) =>
        showRollout(places, prepared as PreparedRollout, text, selection, preferences, shown);
      askAndShow({ ...common, request: rollout.request, what: "the rollout", prepare, show });
    } else {
      const prepare = async (answer: unknown, options: AskOptions): Promise<Prepared> => {
        const attention = answer as Attention;
        if (attention.length !== text.pieces.length) {
          throw new Error(`The attention has ${attention.length} tokens, but the text has ${text.pieces.length}.`);
        }
        slices ??= source<Whose, HeadSlice>({
          request,
          answers: pinned(answers, answer),
          coords: ({ layer, head }) => ({ layer, head }),
          open: (tree) => sliceOf(tree, attention.length),
          size: ({ weights }) => weights.length,
        });
        return { attention, slices, first: await slices.get(whoseIn(attention, selection.fields), options) };
      };
      const show = (prepared: unknown, shown: AbortSignal) =>
        showAttention(places, prepared as Prepared, text, selection, preferences, shown);
      askAndShow({ ...common, request, what: "the attention", prepare, show });
    }
  };
  const labels = Object.fromEntries(["weights", ...rollouts.map(({ label }) => label)].entries());
  const first = preferences.chosen in labels ? preferences.chosen : "0";
  const bar = rollouts.length > 0 ? segmented<string>("What is shown", labels, first, choose) : null;
  el.append(element("header", { class: "tb-head" }, heading, bar, slot), body);
  choose(first);
}

export default widget("attention", attentionView);
