import type { StreamEvent } from '../contract/index.js'

type Result = IteratorResult<StreamEvent>
type Reader = (result: Result | Promise<Result>) => void

const NONE: readonly StreamEvent[] = []
const NO_READERS: readonly Reader[] = []

/** Stream events on their way from the call, which makes them in batches, to its reader, who takes them one by one. */
export class EventQueue {
  #batch = NONE
  #position = 0
  readonly #batches: (readonly StreamEvent[])[] = []
  /** nearly always one or none: a list of one takes a fifth of the memory of one that was pushed to */
  #readers = NO_READERS
  #opened = false
  #closed = false
  #ending = false
  /** the number of the first event that {@link keepEnd} dropped */
  #nextSeq: number | undefined

  /** somebody has asked for events */
  get opened(): boolean {
    return this.#opened
  }

  /** nothing waits for a reader */
  get isEmpty(): boolean {
    return this.#position >= this.#batch.length && this.#batches.length === 0
  }

  /** From now on events are kept for a reader. */
  open(): void {
    this.#opened = true
    this.#closed = false
  }

  /** There is no reader: what is here and what still comes is dropped. */
  close(): void {
    this.#closed = true
    this.#hold(NONE)
    this.#batches.length = 0
  }

  push(events: readonly StreamEvent[]): void {
    if (this.#closed) return
    const kept = this.#ending ? this.#keepTerminal(events) : events
    if (this.isEmpty) this.#hold(kept)
    else this.#batches.push(kept)
    while (this.#readers.length > 0) {
      const value = this.take()
      if (!value) return
      const reader = this.#readers[0] as Reader
      this.#readers = this.#readers.length === 1 ? NO_READERS : this.#readers.slice(1)
      reader({ done: false, value })
    }
  }

  /** The next event, where there is one. */
  take(): StreamEvent | undefined {
    while (this.#position >= this.#batch.length) {
      const next = this.#batches.shift()
      if (!next) return undefined
      this.#hold(next)
    }
    const event = this.#batch[this.#position++]
    // Emptied before the wait: the queue must not hold what was handed out.
    if (this.#position === this.#batch.length) this.#hold(NONE)
    return event
  }

  /** The next event or the end, whenever it comes. */
  next(): Promise<Result> {
    return new Promise((resolve) => (this.#readers = this.#readers.length === 0 ? [resolve] : [...this.#readers, resolve]))
  }

  /**
   * From now on everything is dropped but the message's end, which takes the number of the first event
   * dropped: what a reader gets is numbered without gaps. An answer that is whole by now stays whole.
   */
  keepEnd(): void {
    const left = [...this.#batch.slice(this.#position), ...this.#batches.flat()]
    if (this.#ending || left.some(({ type }) => type === 'message.end')) return
    this.#ending = true
    this.#hold(this.#keepTerminal(left))
    this.#batches.length = 0
  }

  /** No more comes. Waiting readers are answered when `run` is, with its failure where it has one. */
  end(run: Promise<unknown>): void {
    const readers = this.#readers
    this.#readers = NO_READERS
    for (const answer of readers) answer(run.then(() => ({ done: true, value: undefined })))
  }

  #hold(batch: readonly StreamEvent[]): void {
    this.#batch = batch
    this.#position = 0
  }

  #keepTerminal(events: readonly StreamEvent[]): readonly StreamEvent[] {
    const [first] = events
    if (!first) return events
    const seq = (this.#nextSeq ??= first.seq)
    return events.filter(({ type }) => type === 'error' || type === 'message.end').map((event) => ({ ...event, seq }))
  }
}
