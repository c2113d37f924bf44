import { AbortError, type CallOptions, type ResponseStream, type StreamEvent } from '../contract/index.js'
import type { ProviderDeps } from './deps.js'
import { tellOutcome } from './tell-response.js'
import { createResponseStream, type Deliver, type Outcome, type RunningStream } from './response-stream.js'

export interface CallStarter {
  /** One controller a call: the caller's signal, the host's cancellation and `close()` all end in it. */
  start(options: CallOptions, run: (signal: AbortSignal, deliver: Deliver<StreamEvent>) => Promise<Outcome>): ResponseStream
  /** Stops what runs and refuses what comes; twice without harm. */
  close(): void
}

/** The calls of one mount that run, so that all of them can be stopped together. */
export function createCallStarter({ cancellation, mountName: provider, sessionId, now }: Pick<ProviderDeps, 'cancellation' | 'mountName' | 'sessionId' | 'now'>): CallStarter {
  const running = new Set<RunningStream>()
  const controllers = createControllers()
  let closed = false
  const stopAll = (reason: string): void => {
    for (const call of [...running]) call.stop(new AbortError(reason, { provider }))
  }
  const stopListening = cancellation.onCancel(() => stopAll('The host cancelled the call.'))

  return {
    start({ signal, thinking }, run) {
      const controller = controllers.take()
      const onAbort = (): void => call.stop(new AbortError('The caller cancelled the call.', { provider, cause: signal?.reason }))
      const call = createResponseStream((deliver) => {
        if (signal?.aborted) onAbort()
        if (cancellation.isCancelled) call.stop(new AbortError('The host has cancelled the session.', { provider }))
        if (closed) call.stop(new AbortError('The provider is closed.', { provider }))
        signal?.addEventListener('abort', onAbort, { once: true })
        running.add(call)
        return run(controller.signal, deliver)
      }, {
        controller,
        left: () => new AbortError('The caller stopped reading the answer before its end.', { provider }),
        retell: (outcome) => tellOutcome(outcome, { sessionId, now, thinking: thinking !== false }),
        onEnded() {
          running.delete(call)
          controllers.prepare()
          signal?.removeEventListener('abort', onAbort)
        },
      })
      return call.stream
    },
    close() {
      if (closed) return
      closed = true
      stopListening?.()
      stopAll('The provider was closed.')
    },
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
