/** Where responses are kept that later requests refer to. */
export interface ResponseStore {
  /** @param owner whose they are: another owner's are not there */
  get(owner: string, id: string): Promise<string | undefined>
  put(owner: string, id: string, text: string): Promise<void>
  /** @returns whether it was there */
  delete(owner: string, id: string): Promise<boolean>
  close(): Promise<void>
}

/** What a store holds at most; the least recently used go first. */
export interface StoreLimits {
  maxCount: number
  /** of text, as UTF-8 would have it */
  maxBytes: number
  /** since it was last written or read, ms */
  maxAgeMs: number
}

export const MEMORY_LIMITS: StoreLimits = { maxCount: 2_000, maxBytes: 64 * 1024 * 1024, maxAgeMs: 24 * 3_600_000 }
export const DISK_LIMITS: StoreLimits = { maxCount: 1_000_000, maxBytes: 1024 * 1024 * 1024, maxAgeMs: 30 * 24 * 3_600_000 }

/** Keeps responses until the process ends. */
export function createMemoryStore({ limits = MEMORY_LIMITS, now = Date.now }: { limits?: StoreLimits; now?: () => number } = {}): ResponseStore {
  const kept = new Map<string, { text: string; bytes: number; usedAt: number }>()
  let bytes = 0
  const drop = (key: string): boolean => {
    const entry = kept.get(key)
    if (!entry) return false
    bytes -= entry.bytes
    return kept.delete(key)
  }
  const isOld = (usedAt: number): boolean => now() - usedAt > limits.maxAgeMs
  const trim = (): void => {
    for (const [key, { usedAt }] of kept) {
      if (kept.size <= limits.maxCount && bytes <= limits.maxBytes && !isOld(usedAt)) return
      drop(key)
    }
  }
  const add = (key: string, text: string): void => {
    drop(key)
    const size = Buffer.byteLength(text)
    kept.set(key, { text, bytes: size, usedAt: now() })
    bytes += size
    trim()
  }
  return {
    async get(owner, id) {
      const key = `${owner}/${id}`
      const entry = kept.get(key)
      if (!entry) return undefined
      if (isOld(entry.usedAt)) {
        drop(key)
        return undefined
      }
      add(key, entry.text)
      return entry.text
    },
    async put(owner, id, text) {
      add(`${owner}/${id}`, text)
    },
    async delete(owner, id) {
      return drop(`${owner}/${id}`)
    },
    async close() {
      kept.clear()
      bytes = 0
    },
  }
}
