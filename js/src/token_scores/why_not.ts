// Explains why a saved page has no answer: what the reader wrote is no token, or the page cannot know.

import type { Absence } from "../requests/states";
import type { Target } from "../requests/target";
import { isolated } from "../tokens";
import type { Known, Token } from "./token_field";
import { idOrText, madeOf, partOf, shown, visible } from "./token_field";

/** Null if the request is valid and only the answer is missing. `generated` has the ids of the generated tokens, step by step. */
export function whyNot(known: Known, { token, against, of }: Target, generated: readonly number[]): Absence | null {
  if (of === "entropy") return null;
  const written = [token, against].filter((each): each is string => typeof each === "string");
  const refused = written.map((each) => severalTokens(known, each)).find(Boolean);
  if (refused) return { sentence: refused, code: null };
  const [explained, compared] = [token === null ? generated : [idOf(known, token)], idOf(known, against)];
  if (compared !== null && explained.includes(compared)) {
    const name = isolated(shown(known, compared));
    return {
      sentence: `“${name}” is compared with itself: write another token after “rather than”, or none.`,
      code: null,
    };
  }
  const unknown = written.find((each) => idOf(known, each) === null);
  return unknown === undefined ? null : notKnown(known, unknown);
}

function severalTokens(known: Known, exact: string): string | null {
  const tokens = idOf(known, exact) === null ? madeOf(known, exact) : [];
  if (tokens.length < 2) return null;
  const named = tokens.map((each) => `“${isolated(each)}”`).join(", ");
  const name = isolated(visible(exact));
  return `“${name}” is ${tokens.length} tokens in this text (${named}), but a question is about one token. Write one of them, or choose a suggestion.`;
}

/** Says that only a tokenizer knows whether it is a token. */
function notKnown(known: Known, exact: string): Absence {
  const name = isolated(visible(exact));
  const whole = partOf(known, exact);
  const here = whole
    ? `In this text “${name}” is a part of “${isolated(whole)}”. This page cannot tell whether it is a token by itself.`
    : `This page cannot tell whether “${name}” is one token: it knows the tokens of the text and the alternatives at its steps.`;
  return {
    sentence: `${here} Choose a suggestion; a leading space is part of a token.`,
    code: "If it is one token, this Python computes the answer; if not, it lists the tokens:",
  };
}

function idOf(known: Known, token: Token): number | null {
  const found = typeof token === "string" ? idOrText(known, visible(token)) : token;
  return typeof found === "number" ? found : null;
}
