import type { StreamEvent } from '../contract/index.js'

/** Stream events on their way from whoever makes them, in batches, to whoever reads them one by one. */
export interface EventQueue {
  /** somebody has asked for events */
  readonly opened: boolean
  /** a reader waits */
  readonly wanted: boolean
  /** From now on events are kept for a reader. */
  open(): void
  /** Nobody reads: what is here and what still comes is dropped. */
  close(): void
  push(batch: readonly StreamEvent[]): void
  /** The next event, where there is one. */
  take(): StreamEvent | undefined
  /** The next event or the end, whenever it comes. */
  next(): Promise<Result>
  /**
   * From now on everything is dropped but the message's end, which takes the number of the first event
   * dropped: what a reader gets is numbered without gaps. An answer that is whole by now stays whole.
   */
  keepEnd(): void
  /** No more comes. Whoever waits is answered when `run` is, with its failure where it has one. */
  end(run: Promise<unknown>): void
}

type Result = IteratorResult<StreamEvent>
type Reader = (result: Result | Promise<Result>) => void

const NONE: readonly StreamEvent[] = []

export function createEventQueue(): EventQueue {
  let batch = NONE
  let position = 0
  const batches: (readonly StreamEvent[])[] = []
  const readers: Reader[] = []
  let opened = false
  let closed = false
  let ending = false
  const keepTerminal = createTerminalKeeper()
  const take = (): StreamEvent | undefined => {
    while (position >= batch.length) {
      // Emptied before the wait: what was handed out is nobody's to keep.
      batch = batches.shift() ?? NONE
      position = 0
      if (batch === NONE) return undefined
    }
    return batch[position++]
  }
  return {
    get opened() {
      return opened
    },
    get wanted() {
      return readers.length > 0
    },
    open() {
      opened = true
      closed = false
    },
    close() {
      closed = true
      batch = NONE
      batches.length = 0
    },
    push(events) {
      if (closed) return
      batches.push(ending ? keepTerminal(events) : events)
      while (readers.length > 0) {
        const value = take()
        if (!value) return
        readers.shift()?.({ done: false, value })
      }
    },
    take,
    next: () => new Promise((resolve) => readers.push(resolve)),
    keepEnd() {
      const left = [...batch.slice(position), ...batches.flat()]
      if (ending || left.some(({ type }) => type === 'message.end')) return
      ending = true
      batch = keepTerminal(left)
      position = 0
      batches.length = 0
    },
    end(run) {
      for (const answer of readers.splice(0)) answer(run.then(() => ({ done: true, value: undefined })))
    },
  }
}

/** Of batch after batch only the terminal event, numbered as the first event of all. */
function createTerminalKeeper(): (events: readonly StreamEvent[]) => readonly StreamEvent[] {
  let seq: number | undefined
  return (events) => {
    const [first] = events
    if (!first) return events
    const number = (seq ??= first.seq)
    return events.filter(({ type }) => type === 'error' || type === 'message.end').map((event) => ({ ...event, seq: number }))
  }
}
