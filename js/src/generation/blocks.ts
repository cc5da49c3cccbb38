// Divides the text into blocks: by the roles of a chat, else into the prompt and the generated text.

import type { Trace } from "../trace";

export interface Block {
  caption: string;
  start: number;
  stop: number;
  generated: boolean;
}

type Divided = Pick<Trace, "pieces" | "prompt_length" | "segments"> & { provenance?: Trace["provenance"] };

/** Whether the trace comes from reading a given text: no token was generated. */
export function wasRead({ provenance }: { provenance?: Trace["provenance"] }): boolean {
  return provenance?.settings?.how === "read";
}

/** Consecutive blocks that cover all tokens. Template tokens before a segment belong to it. */
export function blocks(trace: Divided): Block[] {
  const { pieces, prompt_length, segments } = trace;
  const read = wasRead(trace);
  const out: Block[] = [];
  let start = 0;
  const add = (caption: string, stop: number, generated = false) => {
    if (stop > start) out.push({ caption, start, stop, generated });
    start = Math.max(start, stop);
  };
  const prompt = segments.filter((segment) => segment.start < prompt_length).sort((a, b) => a.start - b.start);
  for (const { role, stop } of prompt) add(role, Math.min(stop, prompt_length));
  add(out.length > 0 ? "template" : read ? "given" : "prompt", prompt_length);
  add(read ? "continuation" : "generated", pieces.length, true);
  return out;
}
