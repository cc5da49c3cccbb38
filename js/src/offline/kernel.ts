// Plays the kernel for a saved page: answers from the baked table, and nothing else.

import type { Request } from "../ask";
import { requestKey } from "../canonical";
import type { StaticModel } from "./model";

interface Message {
  kind: string;
  id: string;
  request?: Request;
}

/** What could not be computed when the page was saved, with the sentence that says why. */
function isFailure(result: unknown): result is { $error: string } {
  return typeof result === "object" && result !== null && "$error" in result;
}

export function bakedKernel(baked: Readonly<Record<string, unknown>>): (model: StaticModel, message: unknown) => void {
  return (model, message) => {
    const { kind, id, request } = message as Message;
    // Later, as from a kernel: whoever sends is then ready to hear.
    const reply = (answer: object) => queueMicrotask(() => model.emit("msg:custom", { id, ...answer }, []));
    if (kind === "ping") reply({ kind: "pong" });
    if (kind !== "ask" || !request) return;
    const result = baked[requestKey(request)];
    if (result === undefined) reply({ kind: "error", error: "Not in this snapshot.", absent: true, code: request.code });
    else if (isFailure(result)) reply({ kind: "error", error: result.$error });
    else reply({ kind: "answer", result });
  };
}
