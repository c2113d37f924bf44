/**
 * Runs one `work` at a time for each key: who asks while it runs gets the same promise.
 * The key is free again as soon as the work has settled, also when it failed.
 */
export function createSingleFlight<Key, Value>(): (key: Key, work: () => Promise<Value>) => Promise<Value> {
  const running = new Map<Key, Promise<Value>>()
  return (key, work) => {
    const current = running.get(key)
    if (current) return current
    const flight = work().finally(() => running.delete(key))
    running.set(key, flight)
    return flight
  }
}
