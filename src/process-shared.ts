/**
 * The one place for state that the mounts of a process share, keyed by account: two mounts on one
 * subscription have one quota, one limit of running calls and one refresh at a time.
 */

interface Shared<Value> {
  value: Value
  users: number
}

export interface ProcessShared {
  /** The value under `key`, made by `create` for the first user; the last `release` forgets it. */
  share<Value>(key: string, create: () => Value): { value: Value; release: () => void }
}

export function createProcessShared(): ProcessShared {
  const entries = new Map<string, Shared<unknown>>()
  return {
    share<Value>(key: string, create: () => Value) {
      const entry = (entries.get(key) ?? { value: create(), users: 0 }) as Shared<Value>
      entries.set(key, entry)
      entry.users++
      let held = true
      return {
        value: entry.value,
        release() {
          if (!held) return
          held = false
          if (--entry.users === 0) entries.delete(key)
        },
      }
    },
  }
}

export const processShared: ProcessShared = createProcessShared()
