// Answers in place of the kernel in a saved page, from the table of stored answers only.

import type { Request, Slice } from "../requests/request";
import { sliceKey } from "../requests/request";
import type { StaticModel } from "./model";
import type { Chunks } from "./page";

interface Message {
  kind: string;
  id: string;
  request?: Request;
  slice?: Slice;
}

/** An answer that could not be computed when the page was saved, and the reason. */
function isFailure(result: unknown): result is { $error: string; absent?: boolean } {
  return typeof result === "object" && result !== null && "$error" in result;
}

/** A reference to an equal request that names its tokens in another way. */
function isSame(result: unknown): result is { $same: string } {
  return typeof result === "object" && result !== null && "$same" in result;
}

/** An answer that arrives in parts: what was known before it, and the answer itself. */
function isInParts(result: unknown): result is { $parts: unknown[]; $last: unknown } {
  return typeof result === "object" && result !== null && "$parts" in result;
}

/** A part of the page that is inflated when it is asked for. */
function isChunk(result: unknown): result is { $chunk: number } {
  return typeof result === "object" && result !== null && "$chunk" in result;
}

export function bakedKernel(
  baked: Readonly<Record<string, unknown>>,
  chunks: Chunks,
): (model: StaticModel, message: unknown) => void {
  return (model, message) => {
    const { kind, id, request, slice } = message as Message;
    const say = (answer: object) => model.emit("msg:custom", { id, ...answer }, []);
    // Answer later, as a kernel does, so that the sender is ready.
    const reply = (answer: object) => queueMicrotask(() => say(answer));
    if (kind === "ping") reply({ kind: "pong" });
    if (kind !== "ask" || !request) return;
    const found = baked[sliceKey(request, slice)];
    const result = isSame(found) ? baked[found.$same] : found;
    if (result === undefined)
      reply({ kind: "error", error: "This saved page does not have this answer.", absent: true, code: request.code });
    else if (isFailure(result)) reply({ kind: "error", error: result.$error, ...(result.absent && { absent: true, code: "" }) });
    else if (isChunk(result)) {
      chunks(result.$chunk).then(
        (part) => say({ kind: "answer", result: part }),
        (error: unknown) => say({ kind: "error", error: `This part of the page cannot be read: ${String(error)}` }),
      );
    } else if (isInParts(result)) {
      for (const part of result.$parts) reply({ kind: "part", result: part });
      reply({ kind: "answer", result: result.$last });
    } else reply({ kind: "answer", result });
  };
}
