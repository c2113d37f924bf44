import { updatePersisted, type Persisted } from './persisted.js'

export interface QuotaWriter {
  /** Something is to be kept: at once where `urgent`, else with whatever else comes within `delayMs`. */
  request(options?: { urgent?: boolean }): void
  /** Keeps what is still to be kept now; settles when it is on disk, or could not be. */
  flush(): Promise<void>
}

/** Writes one at a time; what is asked for during a write becomes one more write after it. A failed write is tried again with the next. */
export function createQuotaWriter(
  persisted: Persisted | undefined, change: (stored: unknown) => unknown, delayMs: number,
): QuotaWriter {
  let timer: ReturnType<typeof setTimeout> | undefined
  let wanted = false
  let writing: Promise<void> | undefined

  const writeAll = async () => {
    while (wanted && persisted) {
      wanted = false
      // A state that cannot be kept costs a call after the next start, no more.
      await updatePersisted(persisted, change).catch(() => undefined)
    }
  }
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    return (writing ??= writeAll().finally(() => {
      writing = undefined
      // Asked for after the last look and before this line.
      if (wanted && persisted) void flush()
    }))
  }
  return {
    request({ urgent = false } = {}) {
      if (!persisted) return
      wanted = true
      if (urgent) void flush()
      else {
        timer ??= setTimeout(() => void flush(), delayMs)
        timer.unref()
      }
    },
    flush,
  }
}
