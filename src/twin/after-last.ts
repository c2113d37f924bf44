/** The same values; calls `then` when the last one has been asked for, before it is handed out. */
export function* afterLast<Value>(values: Iterable<Value>, then: () => void): Generator<Value> {
  let held: { value: Value } | undefined
  for (const value of values) {
    if (held) yield held.value
    held = { value }
  }
  then()
  if (held) yield held.value
}
