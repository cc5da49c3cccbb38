// Attention rollout: the share of each input token at a position, layer by layer. Twin of tracebench/views/rollout.py.

import type { Context } from "../afm";
import { widget } from "../afm";
import type { PreparedRollout } from "../flow/prepare";
import { prepareRollout, slicesOf } from "../flow/prepare";
import type { Rollout } from "../flow/result";
import { showRollout } from "../flow/show";
import type { AskOptions } from "../requests/ask";
import { pinned } from "../requests/pinned";
import { askAndShow } from "../requests/states";
import type { Text } from "../trace";
import { element } from "../ui/dom";

/** `data` is the text; the view asks for the rollout. */
export function rolloutView({ el, data: text, answers, request, selection, remember, signal }: Context<Text>): void {
  if (!request) throw new Error("The rollout view has no request.");
  if (!text.pieces) throw new Error("The rollout view needs the text: data with prompt_length, steps, ids and pieces.");
  const slot = element("span", { class: "tb-att-slot" });
  const body = element("div", { class: "tb-att-body" });
  el.append(element("header", { class: "tb-head" }, element("h2", {}, "What has come here by attention?"), slot), body);
  const preferences = remember({ skipFirst: false });
  const prepare = (answer: unknown, options: AskOptions) =>
    prepareRollout(answer as Rollout, slicesOf(answer as Rollout, request, pinned(answers, answer)), text, selection, options);
  askAndShow({
    root: el,
    body,
    answers,
    request,
    signal,
    what: "the rollout",
    prepare,
    show: (prepared, shown) =>
      showRollout({ el, head: slot, body }, prepared as PreparedRollout, text, selection, preferences, shown),
  });
}

export default widget("rollout", rolloutView);
