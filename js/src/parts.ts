// Sentences with tokens in them: parts are text, or a token that is set apart.

import { element } from "./dom";

export type Parts = (string | { token: string })[];

export function sentence(parts: Parts): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const part of parts) {
    fragment.append(
      typeof part === "string" ? part : element("span", { class: "tb-token-word", dir: "auto", title: part.token }, part.token),
    );
  }
  return fragment;
}
