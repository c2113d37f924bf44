/**
 * The one place for state that the mounts of a process share, keyed by account: two mounts on one
 * subscription have one quota, one limit of running calls and one refresh at a time. Beside it what a process need not
 * work out twice, whoever mounts.
 */

interface Shared<Value> {
  value: Value
  users: number
}

export interface ProcessShared {
  /** What the process keeps to its end under `key`, made by `create` for the first who asks; only what bounds itself. */
  keep<Value>(key: string, create: () => Value): Value
  /** The value under `key`, made by `create` for the first user; the last `release` ends and forgets it. */
  share<Value>(key: string, create: () => Value, end?: (value: Value) => Promise<void>): { value: Value; release: () => Promise<void> }
}

export function createProcessShared(): ProcessShared {
  const entries = new Map<string, Shared<unknown>>()
  const kept = new Map<string, unknown>()
  return {
    keep<Value>(key: string, create: () => Value): Value {
      if (!kept.has(key)) kept.set(key, create())
      return kept.get(key) as Value
    },
    share<Value>(key: string, create: () => Value, end?: (value: Value) => Promise<void>) {
      const entry = (entries.get(key) ?? { value: create(), users: 0 }) as Shared<Value>
      entries.set(key, entry)
      entry.users++
      let held = true
      return {
        value: entry.value,
        async release() {
          if (!held) return
          held = false
          if (--entry.users > 0) return
          entries.delete(key)
          await end?.(entry.value)
        },
      }
    },
  }
}

export const processShared: ProcessShared = createProcessShared()
