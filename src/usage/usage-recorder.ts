import type { CallObserver, CallWatch, ObservedCall } from '../contract/index.js'
import { buildCallRecord, type UsageRecord } from './call-record.js'
import type { UsageStore } from './usage-store.js'

export interface UsageRecorderOptions {
  /** opens the store when the first call ends; the recorder closes it */
  open: () => Promise<UsageStore>
  /** told once, where nothing can be kept; calls go on */
  warn: (message: string) => void
  /** ms since 1970 */
  now: () => number
  /** how long records are gathered before they are written; default 250 */
  saveDelayMs?: number
}

/** Keeps what calls came to. A call never waits for it. */
export interface UsageRecorder extends CallObserver {
  /** Writes what is gathered and closes the store; twice without harm. */
  close(): Promise<void>
}

const ROTATE_EVERY_MS = 6 * 3_600_000
/** What could not be written is tried again so much later, with what came since; each time twice as late. A file that another process holds is free soon. */
const RETRY_MS = 100
const LAST_RETRY_MS = 10_000
/** Failures in a row before anybody is told. */
const TOLD_AFTER = 4
/** Records that wait for a disk that is full; the oldest go first. */
const MOST_WAITING = 10_000

export function createUsageRecorder({ open, warn, now, saveDelayMs = 250 }: UsageRecorderOptions): UsageRecorder {
  let waiting: UsageRecord[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let store: Promise<UsageStore> | undefined
  let warned = false
  let failures = 0
  let closed = false
  let rotateAtMs = 0

  const write = async (): Promise<void> => {
    timer = undefined
    const records = waiting
    waiting = []
    if (records.length === 0) return
    try {
      const opened = await (store ??= open())
      opened.add(records)
      failures = 0
      if (now() < rotateAtMs) return
      rotateAtMs = now() + ROTATE_EVERY_MS
      opened.rotate(now())
    } catch (error) {
      store?.catch(() => (store = undefined))
      waiting = [...records, ...waiting].slice(-MOST_WAITING)
      failures += 1
      if (!warned && (failures >= TOLD_AFTER || closed)) {
        warned = true
        warn(`usage is not kept for now: ${error instanceof Error ? error.message : String(error)}. Calls go on`)
      }
      if (!closed) schedule(Math.min(LAST_RETRY_MS, RETRY_MS * 2 ** (failures - 1)))
    }
  }
  const schedule = (ms: number): void => {
    timer ??= setTimeout(() => void (last = last.then(write)), ms)
    timer.unref()
  }
  let last: Promise<void> = Promise.resolve()
  const keep = (record: UsageRecord): void => {
    waiting.push(record)
    if (!closed) schedule(saveDelayMs)
  }
  return {
    begin: (call) => new RecordedCall(call, now, keep),
    async close() {
      if (closed) return
      closed = true
      clearTimeout(timer)
      await (last = last.then(write))
      await store?.then((opened) => opened.close(), () => undefined)
    },
  }
}

/** A class, since thousands of calls may wait: five functions for each took 400 bytes more. */
class RecordedCall implements CallWatch {
  readonly #startedAtMs: number
  #firstDeltaAtMs: number | undefined

  constructor(private readonly call: ObservedCall, private readonly now: () => number, private readonly keep: (record: UsageRecord) => void) {
    this.#startedAtMs = now()
  }

  phase(): void {}

  chunk(): void {
    this.#firstDeltaAtMs ??= this.now()
  }

  attemptEnded(): void {}

  ended(outcome: Parameters<CallWatch['ended']>[0]): void {
    const times = { startedAtMs: this.#startedAtMs, endedAtMs: this.now(), firstDeltaAtMs: this.#firstDeltaAtMs }
    this.keep(buildCallRecord(this.call, times, outcome))
  }
}
