import { startElapsed } from '../lib/index.js'
import { updatePersisted, type Persisted } from './persisted.js'

export interface QuotaWriter {
  /** Something is to be kept: at once where `urgent`, else with whatever else comes within `delayMs`. */
  request(options?: { urgent?: boolean }): void
  /** Only the time of what is known has changed: kept once in half a minute, else a figure looks older than the last answer. */
  requestSeldom(): void
  /** Keeps what is still to be kept now; settles when it is on disk, or could not be. */
  flush(): Promise<void>
}

const SELDOM_MS = 30_000

/** Writes one at a time; what is asked for during a write becomes one more write after it. A failed write is tried again with the next. */
export function createQuotaWriter(
  persisted: Persisted | undefined, change: (stored: unknown) => unknown, { delayMs, now }: { delayMs: number; now: () => number },
): QuotaWriter {
  let age = () => Number.POSITIVE_INFINITY
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
  const request = ({ urgent = false } = {}): void => {
    if (!persisted) return
    wanted = true
    age = startElapsed(now)
    if (urgent) void flush()
    else {
      timer ??= setTimeout(() => void flush(), delayMs)
      timer.unref()
    }
  }
  return {
    request,
    requestSeldom() {
      if (age() >= SELDOM_MS) request()
    },
    flush,
  }
}
