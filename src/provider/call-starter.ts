import { AbortError, type CallOptions, type ResponseStream, type StreamEvent } from '../contract/index.js'
import type { ProviderDeps } from './deps.js'
import { createResponseStream, type Deliver, type Outcome } from './response-stream.js'

export interface CallStarter {
  /** One controller a call: the caller's signal, the host's cancellation and `close()` all end in it. */
  start(options: CallOptions, run: (signal: AbortSignal, deliver: Deliver<StreamEvent>) => Promise<Outcome>): ResponseStream
  /** Stops what runs and refuses what comes; twice without harm. */
  close(): void
}

/** The calls of one mount that run, so that all of them can be stopped together. */
export function createCallStarter({ cancellation, mountName: provider }: Pick<ProviderDeps, 'cancellation' | 'mountName'>): CallStarter {
  const running = new Set<AbortController>()
  let closed = false
  const stopAll = (reason: string): void => {
    for (const controller of running) controller.abort(new AbortError(reason, { provider }))
  }
  const stopListening = cancellation.onCancel(() => stopAll('The host cancelled the call.'))

  const refuse = (controller: AbortController, reason: string): void => controller.abort(new AbortError(reason, { provider }))

  return {
    start(options, run) {
      const controller = new AbortController()
      const { signal } = options
      const onAbort = (): void =>
        controller.abort(new AbortError('The caller cancelled the call.', { provider, cause: signal?.reason }))
      return createResponseStream(track, controller)

      async function track(deliver: Deliver<StreamEvent>): Promise<Outcome> {
        if (signal?.aborted) onAbort()
        if (cancellation.isCancelled) refuse(controller, 'The host has cancelled the session.')
        if (closed) refuse(controller, 'The provider is closed.')
        signal?.addEventListener('abort', onAbort, { once: true })
        running.add(controller)
        try {
          return await run(controller.signal, deliver)
        } finally {
          running.delete(controller)
          signal?.removeEventListener('abort', onAbort)
        }
      }
    },
    close() {
      if (closed) return
      closed = true
      stopListening?.()
      stopAll('The provider was closed.')
    },
  }
}
