import { AsyncLocalStorage } from 'node:async_hooks'
import { EVENTS, type Hooks } from '../contract/index.js'

export interface CallEvent {
  event: string
  data: Record<string, unknown>
}

/**
 * Which call an event belongs to. Payloads don't say, and a hundred calls share one coordinator, so the
 * call's asynchronous context tells.
 */
export interface CallEvents {
  /** Runs `work` with `sink` taking the events it causes. */
  run<Value>(sink: (event: CallEvent) => void, work: () => Promise<Value>): Promise<Value>
  /** Listens to every event a provider emits; answers the end of it. */
  listen(hooks: Hooks): () => void
}

/** @param otherwise takes what no call's own sink does */
export function createCallEvents(otherwise?: (event: CallEvent) => void): CallEvents {
  const current = new AsyncLocalStorage<(event: CallEvent) => void>()
  return {
    run: (sink, work) => current.run(sink, work),
    listen(hooks) {
      const ends = Object.values(EVENTS).map((name) => hooks.register(name, (event, data) => {
        const sink = current.getStore() ?? otherwise
        sink?.({ event, data })
      }, { name: 'grpc-server' }))
      return () => ends.forEach((end) => end())
    },
  }
}
