// A trait that Python and the browser both set. All displays of a widget follow it. A saved page starts with its saved value.

/** The part of a widget model that such a trait needs. */
export interface SyncedModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
}

export class Synced {
  constructor(
    private readonly model: SyncedModel,
    private readonly name: string,
  ) {}

  /** The value, unchecked: check it before use, because an older version may have saved the page. */
  get(): unknown {
    return this.model.get(this.name) ?? null;
  }

  set(value: unknown): void {
    // A host throws when its kernel is gone. The bench must stay usable, and the model already has the value.
    try {
      this.model.set(this.name, value);
      this.model.save_changes();
    } catch (error) {
      console.warn(`tracebench: ${this.name} could not be sent to the kernel.`, error);
    }
  }

  on(callback: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    const event = `change:${this.name}`;
    this.model.on(event, callback);
    signal.addEventListener("abort", () => this.model.off(event, callback));
  }
}
