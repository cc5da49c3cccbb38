// Telling many of one thing, so that one who fails keeps nobody else from hearing.

type Listener<Value> = ((value: Value) => void) | undefined;

/** Calls every listener with the value; what one of them throws is reported and goes no further. */
export function callEach<Value>(listeners: Iterable<Listener<Value>>, value: Value): void {
  for (const listener of [...listeners]) {
    try {
      listener?.(value);
    } catch (error) {
      console.error("tracebench: a listener failed.", error);
    }
  }
}
