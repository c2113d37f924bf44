import { AbortError, type CallOptions, type ChatResponse, type LLMError, type ResponseStream, type StreamEvent } from '../contract/index.js'
import { createAbortListeners } from '../lib/index.js'
import type { Deliver, Outcome } from './call.js'
import type { ProviderDeps } from './deps.js'
import { EventQueue } from './event-queue.js'
import { startCallClocks, type CallClocks } from './limit-call.js'
import { tellOutcome } from './tell-response.js'

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
  /** Stops what runs and refuses what comes; twice without harm. */
  close(): void
}

type StreamDeps = Pick<ProviderDeps, 'cancellation' | 'mountName' | 'sessionId' | 'now' | 'settings'>

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

export function createCallStreams(deps: StreamDeps): CallStreams {
  const { cancellation, mountName: provider } = deps
  const running = new Set<RunningCall>()
  const controllers = createControllers()
  const aborts = createAbortListeners()
  let closed = false
  const stopAll = (reason: string): void => {
    for (const call of [...running]) call.stop(new AbortError(reason, { provider }))
  }
  const stopListening = cancellation.onCancel(() => stopAll('The host cancelled the call.'))
  return {
    open(options, run) {
      const { signal } = options
      const onAbort = (): void => call.stop(new AbortError('The caller cancelled the call.', { provider, cause: signal?.reason }))
      const call = new RunningCall(controllers.take(), options, deps, (own, deliver) => {
        if (signal?.aborted) onAbort()
        if (cancellation.isCancelled) call.stop(new AbortError('The host has cancelled the session.', { provider }))
        if (closed) call.stop(new AbortError('The provider is closed.', { provider }))
        const takeBack = signal && aborts.add(signal, onAbort)
        running.add(call)
        return run(own, deliver).finally(() => {
          running.delete(call)
          controllers.prepare()
          takeBack?.()
        })
      })
      return call
    },
    close() {
      if (closed) return
      closed = true
      stopListening?.()
      stopAll('The provider was closed.')
    },
  }
}

/** The caller's side of one call: starts it, paces it by who reads, and keeps what has not been read yet. */
class RunningCall implements ResponseStream {
  readonly #controller: AbortController
  readonly #options: CallOptions
  readonly #deps: StreamDeps
  readonly #run: Run
  readonly #queue = new EventQueue()
  #ended: Promise<Outcome> | undefined
  #over = false
  /** `response()` waits for the end: the producer is not kept waiting for a reader */
  #draining = false
  /** `response()` came before any reader: the events are not kept */
  #unread = false
  #resume: (() => void) | undefined
  #clocks: CallClocks | undefined

  constructor(controller: AbortController, options: CallOptions, deps: StreamDeps, run: Run) {
    this.#controller = controller
    this.#options = options
    this.#deps = deps
    this.#run = run
  }

  /** Ends the run with this reason; of its events only the end is still handed out. */
  stop(reason: AbortError): void {
    this.#controller.abort(reason)
    this.#queue.keepEnd()
    this.#wake()
  }

  /** Ends the run with this reason; what came before is still handed out. */
  #expire(reason: LLMError): void {
    this.#controller.abort(reason)
    this.#wake()
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamEvent, undefined> {
    if (this.#unread) return this.#tellAgain()
    this.#queue.open()
    return {
      next: () => {
        const value = this.#queue.take()
        if (value) return Promise.resolve({ done: false, value })
        return this.#over ? Promise.resolve(DONE) : this.#wait()
      },
      return: async () => {
        this.#queue.close()
        if (!this.#over) this.stop(new AbortError('The caller stopped reading the answer before its end.', { provider: this.#deps.mountName }))
        await this.#start()
        return DONE
      },
    }
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
    const { mountName: provider, settings: { totalTimeoutMs, idleTimeoutMs } } = this.#deps
    this.#clocks = startCallClocks({ provider, totalTimeoutMs, idleTimeoutMs }, (reason) => this.#expire(reason))
    return this.#run(this.#controller.signal, (events) => this.#deliver(events)).finally(() => {
      this.#clocks?.stop()
      this.#over = true
      this.#queue.end(this.#start())
    })
  }

  #deliver(events: readonly StreamEvent[]): Promise<void> | undefined {
    this.#queue.push(events)
    // A reader who reads no more keeps no place of a call that has been stopped.
    if (this.#controller.signal.aborted || this.#draining || this.#queue.wanted) return undefined
    this.#clocks?.offered()
    return new Promise((resolve) => (this.#resume = resolve))
  }

  #wait(): Promise<IteratorResult<StreamEvent>> {
    const next = this.#queue.next()
    if (this.#ended) this.#wake()
    else this.#start().catch(() => undefined)
    return next
  }

  #wake(): void {
    if (!this.#resume) return
    this.#clocks?.taken()
    this.#resume()
    this.#resume = undefined
  }

  async *#tellAgain(): AsyncGenerator<StreamEvent, undefined> {
    yield* await tellOutcome(await this.#start(), { ...this.#deps, thinking: this.#options.thinking !== false })
  }
}

/** Keeps one controller ready: it and its signal take 7 µs to make, which a call would spend before its request leaves. */
function createControllers() {
  let ready: AbortController | undefined
  return {
    take(): AbortController {
      const controller = ready ?? new AbortController()
      ready = undefined
      return controller
    },
    prepare(): void {
      if (ready) return
      ready = new AbortController()
      // Made by whoever reads it first.
      void ready.signal
    },
  }
}
