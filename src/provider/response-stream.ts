import { AbortError, type CallOptions, type ChatResponse, type LLMError, type ResponseStream, type StreamEvent } from '../contract/index.js'
import { createAbortListeners, createStamp, LightAbortSignal, orAbort } from '../lib/index.js'
import type { Deliver, Outcome } from './call.js'
import type { ProviderDeps } from './deps.js'
import { EventQueue } from './event-queue.js'
import { CallClocks } from './limit-call.js'
import { StreamWriter } from './sink.js'

/**
 * A run of a call: delivers batches of stream events, then answers its outcome. Batches are pushed
 * through plain functions: as a chain of async generators each one cost a dozen turns of the microtask
 * queue, a third of what a call added to the time to its first delta.
 */
export type Run = (signal: AbortSignal, deliver: Deliver<StreamEvent>) => Promise<Outcome>

/** The calls of one mount. */
export interface CallStreams {
  /**
   * A call that begins when its events or its response are asked for. One controller a call: the caller's
   * signal, the host's cancellation and `close()` all end in it.
   */
  open(options: CallOptions, run: Run): ResponseStream
  /** A question beside the calls, ended by what ends a call: the caller's signal, the host's cancellation, `close()` and the total limit. */
  ask<Answer>(options: AskOptions, work: (signal: AbortSignal) => Promise<Answer>): Promise<Answer>
  /** Stops what runs and refuses what comes; twice without harm. */
  close(): void
}

export type AskOptions = Pick<CallOptions, 'signal'>

type StreamDeps = Pick<ProviderDeps, 'cancellation' | 'mountName' | 'sessionId' | 'now' | 'settings'>

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }
const ignore = (): void => undefined

export function createCallStreams(deps: StreamDeps): CallStreams {
  const mount: MountCalls = { deps, running: new Set(), aborts: createAbortListeners(), closed: false }
  const stopAll = (reason: string): void => {
    for (const call of [...mount.running]) call.stop(new AbortError(reason, { provider: deps.mountName }))
  }
  const stopListening = deps.cancellation.onCancel(() => stopAll('The host cancelled the call.'))
  return {
    open: (options, run) => new RunningCall(mount, options, run),
    ask: (options, work) => ask(mount, options, work),
    close() {
      if (mount.closed) return
      mount.closed = true
      stopListening?.()
      stopAll('The provider was closed.')
    },
  }
}

/** What the calls of a mount share. */
interface MountCalls {
  readonly deps: StreamDeps
  readonly running: Set<Running>
  readonly aborts: ReturnType<typeof createAbortListeners>
  closed: boolean
}

/** What a mount runs: a call, or a question beside the calls. */
interface Running {
  stop(reason: AbortError): void
}

/** Counts it among what runs; what has ended the mount or its caller already stops it at once. @returns ends the counting and the listening to the caller's signal */
function enter({ deps: { mountName: provider, cancellation }, closed, running, aborts }: MountCalls, entered: Running, signal: AbortSignal | undefined): () => void {
  const leave = () => entered.stop(new AbortError('The caller cancelled the call.', { provider, cause: signal?.reason }))
  if (signal?.aborted) leave()
  const unlisten = signal && aborts.add(signal, leave)
  if (cancellation.isCancelled) entered.stop(new AbortError('The host has cancelled the session.', { provider }))
  if (closed) entered.stop(new AbortError('The provider is closed.', { provider }))
  running.add(entered)
  return () => {
    running.delete(entered)
    unlisten?.()
  }
}

async function ask<Answer>(mount: MountCalls, { signal }: AskOptions, work: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
  const { deps: { mountName: provider, settings: { totalTimeoutMs } } } = mount
  const stopped = new LightAbortSignal()
  const stop = (reason: LLMError) => stopped.abort(reason)
  const clocks = new CallClocks({ provider, totalTimeoutMs }, stop)
  const leave = enter(mount, { stop }, signal)
  try {
    stopped.throwIfAborted()
    return await orAbort(work(stopped), stopped)
  } finally {
    leave()
    clocks.stop()
  }
}

/** The caller's side of one call: starts it, paces it by who reads, and keeps what has not been read yet. */
class RunningCall implements ResponseStream, AsyncIterator<StreamEvent, undefined> {
  readonly #mount: MountCalls
  readonly #signal = new LightAbortSignal()
  readonly #options: CallOptions
  /** let go of once it runs: it holds the request */
  #run: Run | undefined
  readonly #queue = new EventQueue()
  #ended: Promise<Outcome> | undefined
  #over = false
  /** `response()` waits for the end: the producer is not kept waiting for a reader */
  #draining = false
  /** `response()` came before any reader: the events are not kept */
  #unread = false
  #resume: (() => void) | undefined
  #clocks: CallClocks | undefined
  #leave: (() => void) | undefined

  constructor(mount: MountCalls, options: CallOptions, run: Run) {
    this.#mount = mount
    this.#options = options
    this.#run = run
  }

  /** Ends the run with this reason; of its events only the end is still handed out. */
  stop(reason: AbortError): void {
    this.#signal.abort(reason)
    this.#queue.keepEnd()
    this.#wake()
  }

  /** Ends the run with this reason; what came before is still handed out. */
  #expire(reason: LLMError): void {
    this.#signal.abort(reason)
    this.#wake()
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamEvent, undefined> {
    if (this.#unread) return this.#tellAgain()
    this.#queue.open()
    return this
  }

  next(): Promise<IteratorResult<StreamEvent, undefined>> {
    const value = this.#queue.take()
    if (value) return Promise.resolve({ done: false, value })
    return this.#over ? Promise.resolve(DONE) : this.#wait()
  }

  async return(): Promise<IteratorResult<StreamEvent, undefined>> {
    this.#queue.close()
    if (!this.#over) this.stop(new AbortError('The caller stopped reading the answer before its end.', { provider: this.#mount.deps.mountName }))
    await this.#start()
    return DONE
  }

  async response(): Promise<ChatResponse> {
    this.#draining = true
    if (!this.#queue.opened) {
      this.#unread = true
      this.#queue.close()
    }
    this.#wake()
    const { error, response } = await this.#start()
    if (error) throw error
    return response
  }

  #start(): Promise<Outcome> {
    return (this.#ended ??= this.#begin())
  }

  #begin(): Promise<Outcome> {
    const { totalTimeoutMs } = this.#mount.deps.settings
    if (totalTimeoutMs !== undefined) this.#startClocks()
    this.#leave = enter(this.#mount, this, this.#options.signal)
    const run = this.#run as Run
    this.#run = undefined
    // Not `finally`, which makes two functions more for each waiting call.
    return run(this.#signal, (events) => this.#deliver(events)).then(
      (outcome) => {
        this.#finish()
        return outcome
      },
      (error: unknown) => {
        this.#finish()
        throw error
      })
  }

  #startClocks(): CallClocks {
    const { mountName: provider, settings: { totalTimeoutMs, idleTimeoutMs } } = this.#mount.deps
    return (this.#clocks ??= new CallClocks({ provider, totalTimeoutMs, idleTimeoutMs }, (reason) => this.#expire(reason)))
  }

  #finish(): void {
    this.#leave?.()
    this.#clocks?.stop()
    this.#over = true
    this.#queue.end(this.#start())
  }

  #deliver(events: readonly StreamEvent[]): Promise<void> | undefined {
    this.#queue.push(events)
    // A reader who reads no more keeps no place of a call that has been stopped.
    if (this.#signal.aborted || this.#draining || this.#queue.isEmpty) return undefined
    this.#startClocks().offered()
    return new Promise((resolve) => (this.#resume = resolve))
  }

  #wait(): Promise<IteratorResult<StreamEvent, undefined>> {
    const next = this.#queue.next()
    if (this.#ended) this.#wake()
    else this.#start().catch(ignore)
    return next
  }

  #wake(): void {
    if (!this.#resume) return
    this.#clocks?.taken()
    this.#resume()
    this.#resume = undefined
  }

  async *#tellAgain(): AsyncGenerator<StreamEvent, undefined> {
    const { sessionId, now } = this.#mount.deps
    yield* new StreamWriter({ sessionId, stamp: createStamp(now), thinking: this.#options.thinking !== false }).tell(await this.#start())
  }
}
