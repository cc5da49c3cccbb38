// One trait that both sides set. Whoever shows the same widget hears of it; in a saved page it is what the page was saved with.

/** The part of a widget model that such a trait lives on. */
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

  /** Whatever is there: it may come from a page that an older version saved, so who reads it looks at it first. */
  get(): unknown {
    return this.model.get(this.name) ?? null;
  }

  set(value: unknown): void {
    // A host whose kernel is gone throws here, and the bench must stay usable then: its model has the value by now.
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
