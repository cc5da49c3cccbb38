// Sends the requests of the views and the actions of the bench, and gives back the answers. In a notebook the kernel answers,
// in a saved page a table of stored answers; a view cannot tell which. All views of a page share one `Answers` (see
// answers_model.ts), so equal requests are sent once. Twin of tracebench/widgets/answers.py.

import { callEach } from "../listeners";
import { decode } from "../wire";
import { Liveness } from "./liveness";
import type { Request, Slice } from "./request";
import { requestKey, sliceKey } from "./request";

export interface Progress {
  done: number;
  total: number;
  note: string;
}

export interface ActOptions {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export interface AskOptions extends ActOptions {
  /** Ask for this part of the answer only. */
  slice?: Slice | undefined;
  /** The id of the answer that the slice belongs to: the kernel may have computed another one since. */
  of?: string | undefined;
  /** Gets the answer so far, any number of times before the whole answer. */
  onPart?: (part: unknown) => void;
}

export type Ask = (request: Request, options?: AskOptions) => Promise<unknown>;

/** Why there is no answer. If `absent`, nothing in the page can compute it; `code` is the Python that does. */
export class AskError extends Error {
  constructor(
    sentence: string,
    readonly absent = false,
    readonly code: string | null = null,
  ) {
    super(sentence);
    this.name = "AskError";
  }
}

/** Whether nothing in the page can compute the answer. Compares the name: the error may be of another bundle's class. */
export function isAbsent(error: unknown): error is AskError {
  return error instanceof Error && error.name === "AskError" && (error as AskError).absent;
}

/** The part of a widget model that carries messages. */
export interface MessageModel {
  get(name: "_offline"): boolean | undefined;
  send(message: unknown): void;
  on(event: "msg:custom", callback: (message: Message, buffers?: DataView[]) => void): void;
  off(event: "msg:custom", callback: (message: Message, buffers?: DataView[]) => void): void;
}

type Message =
  | ({ kind: "progress"; id: string } & Progress)
  | { kind: "part"; id: string; result: unknown }
  | { kind: "answer"; id: string; result: unknown }
  | { kind: "error"; id: string; error: string; absent?: boolean; code?: string | null }
  | { kind: "pong"; id: string };

/** A message without an answer yet, and the callers that wait for it. */
interface Call {
  message: unknown;
  /** Whether the kernel has acknowledged it. */
  received: boolean;
  waiting: Set<Waiter>;
  /** What has come of the answer so far. */
  part?: unknown;
  finished: Finished;
}

/** How a message ended: with an answer, with an error, or without either (it was cancelled, or could not be sent). */
type Finished = (ending?: { result: unknown } | "failed") => void;

interface Hearing {
  key: string;
  onAnswer: (result: unknown) => void;
  onError: () => void;
}

interface Waiter {
  resolve: (result: unknown) => void;
  reject: (reason: unknown) => void;
  onProgress: ((progress: Progress) => void) | undefined;
  onPart: ((part: unknown) => void) | undefined;
}

export class Answers {
  /** True in a saved page, where nothing new can be computed. */
  readonly offline: boolean;
  readonly liveness: Liveness;
  /** Makes the arrays in a tree usable; here, so that not every view carries the code for it. */
  readonly decode = (tree: unknown): unknown => decode(tree);
  readonly #model: MessageModel;
  readonly #calls = new Map<string, Call>();
  /** Key of a request, with its slice and answer -> id of the message that was sent for it. */
  readonly #asked = new Map<string, string>();
  /** Id of a ping -> the messages before it that were not yet acknowledged. */
  readonly #unheard = new Map<string, string[]>();
  readonly #hearing = new Set<Hearing>();
  // Every page on a kernel receives every message, so the ids of two pages must differ.
  readonly #page = Math.random().toString(36).slice(2, 10);
  #count = 0;

  constructor(model: MessageModel, signal?: AbortSignal) {
    this.#model = model;
    this.offline = model.get("_offline") === true;
    this.liveness = new Liveness(this.offline ? null : () => this.#ping());
    const receive = (message: Message, buffers?: DataView[]) => this.#receive(message, buffers ?? []);
    model.on("msg:custom", receive);
    signal?.addEventListener("abort", () => model.off("msg:custom", receive));
  }

  /** Resolves to the decoded answer. Equal requests share one message; it is cancelled when all callers have aborted. */
  readonly ask: Ask = (request, options = {}) => {
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    const { slice, of } = options;
    const key = sliceKey(request, slice) + (of ?? "");
    const shared = this.#asked.get(key);
    if (shared) return this.#wait(shared, options);
    const id = this.#nextId();
    this.#asked.set(key, id);
    const finished: Finished = (ending) => {
      this.#asked.delete(key);
      if (ending === undefined) return;
      const hearing = [...this.#hearing].filter((each) => each.key === key);
      const isAnswer = ending !== "failed";
      callEach(
        hearing.map(({ onAnswer, onError }) => (isAnswer ? onAnswer : onError)),
        isAnswer ? ending.result : undefined,
      );
    };
    return this.#call(id, { kind: "ask", id, request, ...(slice && { slice }), ...(of && { of }) }, options, true, finished);
  };

  /** Calls back at every answer to a request, and at every error. Sends nothing itself, and keeps no job alive. */
  hear(request: Request, onAnswer: (result: unknown) => void, signal: AbortSignal, onError: () => void = () => {}): void {
    if (signal.aborted) return;
    const hearing = { key: requestKey(request), onAnswer, onError };
    this.#hearing.add(hearing);
    signal.addEventListener("abort", () => this.#hearing.delete(hearing));
  }

  /**
   * Asks the kernel for an action ("save", "size"). Every call is one message. Resolves to the result of the action. The action is
   * cancelled when the signal aborts.
   */
  act(action: string, params: object = {}, options: ActOptions = {}): Promise<unknown> {
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    const id = this.#nextId();
    // The kernel may acknowledge an action by its answer alone, which may take long, so do not expect one in time.
    return this.#call(id, { kind: "act", id, action, params }, options, false, () => {});
  }

  #call(id: string, message: unknown, options: AskOptions, acknowledged: boolean, finished: Finished) {
    // An action has no acknowledgement. Count it as received, so that it is not done twice.
    this.#calls.set(id, { message, received: !acknowledged, waiting: new Set(), finished });
    const answer = this.#wait(id, options);
    if (acknowledged && !this.offline) this.liveness.expect(id);
    if (!this.#send(message)) {
      const gone = "The kernel cannot be reached: it restarted or is gone. You can still read the results.";
      this.#fail(id, new AskError(gone));
    }
    return answer;
  }

  #wait(id: string, { signal, onProgress, onPart }: AskOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject, onProgress, onPart };
      const leave = () => {
        reject(signal?.reason);
        const call = this.#calls.get(id);
        if (!call?.waiting.delete(waiter) || call.waiting.size > 0) return;
        this.#finish(id);
        this.#send({ kind: "cancel", id });
      };
      const call = this.#calls.get(id);
      call?.waiting.add(waiter);
      if (call?.part !== undefined) callEach([onPart], call.part);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  #receive(message: Message, buffers: DataView[]): void {
    const call = this.#calls.get(message.id);
    this.liveness.heard(message.id);
    if (message.kind === "pong") this.#askAgain(message.id);
    if (!call) return;
    call.received = true;
    if (message.kind === "progress") {
      callEach(
        [...call.waiting].map(({ onProgress }) => onProgress),
        message,
      );
    }
    if (message.kind === "part") this.#part(call, message.result, buffers);
    if (message.kind === "answer") this.#answer(message.id, call, message.result, buffers);
    if (message.kind === "error") {
      this.#fail(message.id, new AskError(message.error, message.absent, message.code), "failed");
    }
  }

  #part(call: Call, packed: unknown, buffers: DataView[]): void {
    try {
      call.part = decode(packed, buffers);
    } catch (error) {
      // The answer is still to come.
      console.error("tracebench: a part of an answer could not be read.", error);
      return;
    }
    callEach(
      [...call.waiting].map(({ onPart }) => onPart),
      call.part,
    );
  }

  #answer(id: string, call: Call, packed: unknown, buffers: DataView[]): void {
    let result: unknown;
    try {
      result = decode(packed, buffers);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#fail(id, new AskError(`The answer could not be read: ${why}.`), "failed");
      return;
    }
    this.#finish(id, { result });
    for (const { resolve } of call.waiting) resolve(result);
  }

  #fail(id: string, error: AskError, ...ending: Parameters<Finished>): void {
    const waiting = this.#calls.get(id)?.waiting ?? [];
    this.#finish(id, ...ending);
    for (const { reject } of waiting) reject(error);
  }

  #finish(id: string, ...ending: Parameters<Finished>): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    this.liveness.forget(id);
    call?.finished(...ending);
  }

  #ping(): void {
    const id = this.#nextId();
    const unheard = [...this.#calls].filter(([, { received }]) => !received).map(([sent]) => sent);
    // Only the newest ping counts.
    this.#unheard.clear();
    this.#unheard.set(id, unheard);
    this.liveness.expect(id);
    this.#send({ kind: "ping", id });
  }

  /** The kernel handles messages in order. A message before an answered ping that has no acknowledgement was lost: send it again. */
  #askAgain(ping: string): void {
    const unheard = this.#unheard.get(ping) ?? [];
    this.#unheard.delete(ping);
    for (const id of unheard) {
      const call = this.#calls.get(id);
      if (call && !call.received) this.#send(call.message);
    }
  }

  /** Whether the message was sent: a host throws when its kernel is gone. */
  #send(message: unknown): boolean {
    try {
      this.#model.send(message);
      return true;
    } catch (error) {
      console.warn("tracebench: a message could not be sent to the kernel.", error);
      this.liveness.lost();
      return false;
    }
  }

  #nextId(): string {
    this.#count += 1;
    return `${this.#page}-${this.#count}`;
  }
}
