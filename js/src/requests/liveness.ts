// Watches whether the kernel answers. A kernel that does not acknowledge a message in time is busy or gone.

import { callEach } from "../listeners";

/** How long an acknowledgement may take. The kernel acknowledges a request as soon as it is in its queue, so this is long. */
export const SILENCE_MS = 3_000;
/** The time between two pings. */
export const PING_MS = 10_000;

export class Liveness {
  #silent = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #owed = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #listeners = new Set<(silent: boolean) => void>();

  /** `ping` sends a message that the kernel answers; null in a saved page, which has no kernel. */
  constructor(private readonly ping: (() => void) | null) {}

  get silent(): boolean {
    return this.#silent;
  }

  /** Calls back with whether the kernel is silent, now and at every change. Pings only while there are listeners. */
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

  /** A message was sent that the kernel acknowledges. */
  expect(id: string): void {
    const late = () => {
      this.#owed.delete(id);
      this.#become(true);
    };
    this.#owed.set(id, setTimeout(late, SILENCE_MS));
  }

  /** A message came from the kernel. */
  heard(id: string): void {
    clearTimeout(this.#owed.get(id));
    this.#owed.delete(id);
    this.#become(false);
  }

  /** The acknowledgement of this message does not matter any more. */
  forget(id: string): void {
    clearTimeout(this.#owed.get(id));
    this.#owed.delete(id);
  }

  /** Sending failed: the kernel is gone. */
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
