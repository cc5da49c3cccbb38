// Calls many listeners, so that an error in one does not stop the others.

type Listener<Value> = ((value: Value) => void) | undefined;

/** Calls every listener with the value. Logs an error that a listener throws. */
export function callEach<Value>(listeners: Iterable<Listener<Value>>, value: Value): void {
  for (const listener of [...listeners]) {
    try {
      listener?.(value);
    } catch (error) {
      console.error("tracebench: a listener failed.", error);
    }
  }
}
