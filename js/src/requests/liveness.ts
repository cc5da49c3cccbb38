// Whether anybody answers. A message that is owed an answer and gets none for a while means: busy, or gone.

import { callEach } from "../listeners";

/** How long an acknowledgement may take. Every ask is acknowledged when it is enqueued, so this is long. */
export const SILENCE_MS = 3_000;
/** How often to ask whether somebody is there. */
export const PING_MS = 10_000;

export class Liveness {
  #silent = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #owed = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #listeners = new Set<(silent: boolean) => void>();

  /** `ping` sends a message that is owed an answer; null where nobody can go away (a saved page). */
  constructor(private readonly ping: (() => void) | null) {}

  get silent(): boolean {
    return this.#silent;
  }

  /** Hear whether the kernel is silent, now and at every change. Pings only while somebody wants to know. */
  on(callback: (silent: boolean) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(callback);
    callback(this.#silent);
    this.#timer ??= this.ping ? setInterval(() => this.#beat(), PING_MS) : undefined;
    signal.addEventListener("abort", () => {
      this.#listeners.delete(callback);
      if (this.#listeners.size === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    });
  }

  /** A message was sent that is owed an acknowledgement. */
  expect(id: string): void {
    const late = () => {
      this.#owed.delete(id);
      this.#become(true);
    };
    this.#owed.set(id, setTimeout(late, SILENCE_MS));
  }

  /** Something came from the kernel. */
  heard(id: string): void {
    clearTimeout(this.#owed.get(id));
    this.#owed.delete(id);
    this.#become(false);
  }

  /** No answer to this message matters any more. */
  forget(id: string): void {
    clearTimeout(this.#owed.get(id));
    this.#owed.delete(id);
  }

  /** It is known that nobody is there: sending failed. */
  lost(): void {
    this.#become(true);
  }

  #beat(): void {
    if (document.visibilityState === "visible") this.ping?.();
  }

  #become(silent: boolean): void {
    if (silent === this.#silent) return;
    this.#silent = silent;
    callEach(this.#listeners, silent);
  }
}
