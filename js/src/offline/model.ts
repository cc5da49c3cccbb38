// A widget model (in anywidget's sense) without a kernel.

type Callback = (...values: unknown[]) => void;

export class StaticModel {
  readonly #state: Record<string, unknown>;
  readonly #callbacks = new Map<string, Set<Callback>>();
  readonly #changed = new Set<string>();

  /** `answer` gets each message of the widget, in place of the kernel. */
  constructor(
    state: Record<string, unknown>,
    private readonly answer: (model: StaticModel, message: unknown) => void,
  ) {
    this.#state = { ...state };
  }

  get(name: string): unknown {
    return this.#state[name];
  }

  set(name: string, value: unknown): void {
    if (this.#state[name] === value) return;
    this.#state[name] = value;
    this.#changed.add(name);
    this.emit(`change:${name}`);
  }

  /** Does nothing: there is no kernel to save to. */
  save_changes(): void {
    if (this.#changed.size > 0) this.emit("change");
    this.#changed.clear();
  }

  send(message: unknown): void {
    this.answer(this, message);
  }

  on(event: string, callback: Callback): void {
    this.#callbacks.set(event, (this.#callbacks.get(event) ?? new Set()).add(callback));
  }

  off(event?: string | null, callback?: Callback | null): void {
    for (const [name, callbacks] of this.#callbacks) {
      if (event && name !== event) continue;
      if (callback) callbacks.delete(callback);
      else callbacks.clear();
    }
  }

  emit(event: string, ...values: unknown[]): void {
    for (const callback of [...(this.#callbacks.get(event) ?? [])]) callback(...values);
  }
}
