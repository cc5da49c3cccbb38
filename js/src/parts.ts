// Sentences with tokens in them: a part is text, or a token with a style of its own.

import { element } from "./ui/dom";

export type Parts = (string | { token: string })[];

/** What a result says about steps of its trace: a row for each of them. A question that is null is that of the record. */
export interface Sentences {
  steps: number[];
  parts: Parts[];
  questions: (string | null)[];
}

/** Writes sentences into an element, each where it is another than the last: those of a step are made anew at every key. */
export function sentenceIn(el: HTMLElement): (parts: Parts) => void {
  let before: string | null = null;
  return (parts) => {
    const now = JSON.stringify(parts);
    if (now === before) return;
    el.replaceChildren(sentence(parts));
    before = now;
  };
}

function sentence(parts: Parts): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const part of parts) {
    fragment.append(
      typeof part === "string" ? part : element("span", { class: "tb-token-word", dir: "auto", title: part.token }, part.token),
    );
  }
  return fragment;
}
