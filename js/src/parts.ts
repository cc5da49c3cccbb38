// Sentences with tokens in them: a part is text, or a token with a style of its own.

import { element } from "./ui/dom";

export type Parts = (string | { token: string })[];

/** The sentences of a result about steps of its trace: one row for each step. A null question is the question of the record. */
export interface Sentences {
  steps: number[];
  parts: Parts[];
  questions: (string | null)[];
}

/** Writes a sentence into an element, only if it differs from the last one: the head writes at every key press. */
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
