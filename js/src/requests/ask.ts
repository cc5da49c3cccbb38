// A view asks, somebody answers: the kernel in a notebook, a baked table in a saved page. A view cannot tell which.
// Twin of tracebench/widgets/answers.py. One `Answers` per page is shared by all views (see answers_model.ts), so that
// equal requests under way are sent once.

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

export interface AskOptions {
  /** Only this part of the answer. */
  slice?: Slice | undefined;
  /** The id of the answer that it is a slice of: the kernel may have another one by now. */
  of?: string | undefined;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export type Ask = (request: Request, options?: AskOptions) => Promise<unknown>;

/** Why there is no answer. `absent`: nothing here can compute it, and `code` is the Python that would. */
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

/** Whether an error says that nothing here can compute the answer. By its name: it may come from another bundle's class. */
export function isAbsent(error: unknown): error is AskError {
  return error instanceof Error && error.name === "AskError" && (error as AskError).absent;
}

/** The part of a widget model that messages go over. */
export interface MessageModel {
  get(name: "_offline"): boolean | undefined;
  send(message: unknown): void;
  on(event: "msg:custom", callback: (message: Message, buffers?: DataView[]) => void): void;
  off(event: "msg:custom", callback: (message: Message, buffers?: DataView[]) => void): void;
}

type Message =
  | ({ kind: "progress"; id: string } & Progress)
  | { kind: "answer"; id: string; result: unknown }
  | { kind: "error"; id: string; error: string; absent?: boolean; code?: string | null }
  | { kind: "pong"; id: string };

/** A message under way, and everybody who waits for its answer. */
interface Call {
  message: unknown;
  /** Whether the kernel has said anything to it. */
  received: boolean;
  waiting: Set<Waiter>;
  finished: Finished;
}

/** How a message ended: with an answer, with none to be had, or with nobody knowing (it was given up, or not sent). */
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
}

export class Answers {
  /** True in a saved page: there is nobody to compute anything new. */
  readonly offline: boolean;
  readonly liveness: Liveness;
  readonly #model: MessageModel;
  readonly #calls = new Map<string, Call>();
  /** Key of the request, and of the slice of its answer -> id of the message under way. */
  readonly #asked = new Map<string, string>();
  /** Id of a ping -> the messages that were sent before it, and that nothing was said to until then. */
  readonly #unheard = new Map<string, string[]>();
  readonly #hearing = new Set<Hearing>();
  // Every page on a kernel hears every message, so ids must not meet those of another page.
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

  /** The decoded answer to a request. Equal requests under way share one message; the last to abort cancels it. */
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

  /** Hear every answer to a request, whoever asks, and when there was none to be had. Asks nothing, and keeps no job alive. */
  hear(request: Request, onAnswer: (result: unknown) => void, signal: AbortSignal, onError: () => void = () => {}): void {
    if (signal.aborted) return;
    const hearing = { key: requestKey(request), onAnswer, onError };
    this.#hearing.add(hearing);
    signal.addEventListener("abort", () => this.#hearing.delete(hearing));
  }

  /** Save the bench as a file beside the notebook. */
  save(): Promise<unknown> {
    const id = this.#nextId();
    // Saving is acknowledged only by its answer, which may take a while: its silence says nothing.
    return this.#call(id, { kind: "save", id }, {}, false, () => {});
  }

  /** How large that file would be; nothing is computed for it. */
  size(): Promise<unknown> {
    const id = this.#nextId();
    return this.#call(id, { kind: "size", id }, {}, false, () => {});
  }

  #call(id: string, message: unknown, options: AskOptions, acknowledged: boolean, finished: Finished) {
    // Saving is not acknowledged, and is not to be done twice.
    this.#calls.set(id, { message, received: !acknowledged, waiting: new Set(), finished });
    const answer = this.#wait(id, options);
    if (acknowledged && !this.offline) this.liveness.expect(id);
    if (!this.#send(message)) {
      const gone = "The kernel cannot be reached: it was restarted, or is gone. What is here stays readable.";
      this.#fail(id, new AskError(gone));
    }
    return answer;
  }

  #wait(id: string, { signal, onProgress }: AskOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject, onProgress };
      const leave = () => {
        reject(signal?.reason);
        const call = this.#calls.get(id);
        if (!call?.waiting.delete(waiter) || call.waiting.size > 0) return;
        this.#finish(id);
        this.#send({ kind: "cancel", id });
      };
      this.#calls.get(id)?.waiting.add(waiter);
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
    if (message.kind === "answer") this.#answer(message.id, call, message.result, buffers);
    if (message.kind === "error") {
      this.#fail(message.id, new AskError(message.error, message.absent, message.code), "failed");
    }
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
    // An older ping that was not answered is of no more use.
    this.#unheard.clear();
    this.#unheard.set(id, unheard);
    this.liveness.expect(id);
    this.#send({ kind: "ping", id });
  }

  /** The kernel takes messages in turn: what was sent before a ping that it answers, and was not acknowledged, was lost. */
  #askAgain(ping: string): void {
    const unheard = this.#unheard.get(ping) ?? [];
    this.#unheard.delete(ping);
    for (const id of unheard) {
      const call = this.#calls.get(id);
      if (call && !call.received) this.#send(call.message);
    }
  }

  /** Whether it could be sent: a host whose kernel is gone throws. */
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
