/** Makes an entry the newest of its map, and drops the oldest where there are more than `most`. */
export function keepNewest<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, most: number): void {
  map.delete(key)
  map.set(key, value)
  dropOldest(map, most)
}

/** Makes a value the newest of its set, and drops the oldest where there are more than `most`. */
export function addNewest<Value>(set: Set<Value>, value: Value, most: number): void {
  set.delete(value)
  set.add(value)
  dropOldest(set, most)
}

function dropOldest<Key>(kept: Map<Key, unknown> | Set<Key>, most: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= most) return
    kept.delete(oldest)
  }
}
