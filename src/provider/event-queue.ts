import type { StreamEvent } from '../contract/index.js'

type Result = IteratorResult<StreamEvent>
type Reader = (result: Result | Promise<Result>) => void

const NONE: readonly StreamEvent[] = []

/** Stream events on their way from whoever makes them, in batches, to whoever reads them one by one. */
export class EventQueue {
  #batch = NONE
  #position = 0
  readonly #batches: (readonly StreamEvent[])[] = []
  readonly #readers: Reader[] = []
  #opened = false
  #closed = false
  #ending = false
  /** the number of the first event that {@link keepEnd} dropped */
  #nextSeq: number | undefined

  /** somebody has asked for events */
  get opened(): boolean {
    return this.#opened
  }

  /** a reader waits */
  get wanted(): boolean {
    return this.#readers.length > 0
  }

  /** From now on events are kept for a reader. */
  open(): void {
    this.#opened = true
    this.#closed = false
  }

  /** Nobody reads: what is here and what still comes is dropped. */
  close(): void {
    this.#closed = true
    this.#batch = NONE
    this.#batches.length = 0
  }

  push(events: readonly StreamEvent[]): void {
    if (this.#closed) return
    this.#batches.push(this.#ending ? this.#keepTerminal(events) : events)
    while (this.#readers.length > 0) {
      const value = this.take()
      if (!value) return
      this.#readers.shift()?.({ done: false, value })
    }
  }

  /** The next event, where there is one. */
  take(): StreamEvent | undefined {
    while (this.#position >= this.#batch.length) {
      // Emptied before the wait: what was handed out is nobody's to keep.
      this.#batch = this.#batches.shift() ?? NONE
      this.#position = 0
      if (this.#batch === NONE) return undefined
    }
    return this.#batch[this.#position++]
  }

  /** The next event or the end, whenever it comes. */
  next(): Promise<Result> {
    return new Promise((resolve) => this.#readers.push(resolve))
  }

  /**
   * From now on everything is dropped but the message's end, which takes the number of the first event
   * dropped: what a reader gets is numbered without gaps. An answer that is whole by now stays whole.
   */
  keepEnd(): void {
    const left = [...this.#batch.slice(this.#position), ...this.#batches.flat()]
    if (this.#ending || left.some(({ type }) => type === 'message.end')) return
    this.#ending = true
    this.#batch = this.#keepTerminal(left)
    this.#position = 0
    this.#batches.length = 0
  }

  /** No more comes. Whoever waits is answered when `run` is, with its failure where it has one. */
  end(run: Promise<unknown>): void {
    for (const answer of this.#readers.splice(0)) answer(run.then(() => ({ done: true, value: undefined })))
  }

  #keepTerminal(events: readonly StreamEvent[]): readonly StreamEvent[] {
    const [first] = events
    if (!first) return events
    const seq = (this.#nextSeq ??= first.seq)
    return events.filter(({ type }) => type === 'error' || type === 'message.end').map((event) => ({ ...event, seq }))
  }
}
