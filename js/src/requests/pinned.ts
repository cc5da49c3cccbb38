// Pins slices to one answer by its id: the kernel may have computed the answer anew since.

import type { Asker } from "./cache";

/** Asks for slices of this answer only. A saved page has one answer to each request, and no ids. */
export function pinned({ ask, liveness, offline }: Asker, answer: unknown): Asker {
  const { answer: of } = answer as { answer?: string };
  return { ask: (request, options) => ask(request, { ...options, of }), liveness, offline };
}
