// Slices of one answer and no other, by the id that came with it: the kernel may have computed another one since.

import type { Answers } from "./ask";

/** Asks as `answers` does, for slices of this answer. In a saved page there is one answer to each question, and no ids. */
export function within(answers: Pick<Answers, "ask">, answer: unknown): Pick<Answers, "ask"> {
  const { answer: of } = answer as { answer?: string };
  return { ask: (request, options) => answers.ask(request, { ...options, of }) };
}
