// Slices of one answer and no other, by the id that came with it: the kernel may have computed another one since.

import type { Asked } from "./remember";

/** Asks as `answers` does, for slices of this answer. In a saved page there is one answer to each question, and no ids. */
export function within({ ask, liveness, offline }: Asked, answer: unknown): Asked {
  const { answer: of } = answer as { answer?: string };
  return { ask: (request, options) => ask(request, { ...options, of }), liveness, offline };
}
