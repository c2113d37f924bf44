import { randomUUID } from 'node:crypto'
import { isLLMError, type CallOptions, type ChatRequest } from '../contract/index.js'
import { fromTransportFailure, mapWireFailure, type OtherEvent, type TypedEvent } from '../responses/index.js'
import { TransportFailure } from '../transport/transport.js'
import type { CallStreams } from './response-stream.js'
import { runCall } from './run-call.js'
import type { ProviderContext } from './provider-context.js'

/** A wire event as the backend sent it, numbered without gaps over the whole call. */
export type RawEvent = OtherEvent & { sequence_number: number }

/** The bare WebSocket: the caller speaks the wire protocol itself. */
export interface RawSocket {
  /** One message, an object as JSON or text as it is. */
  send(message: unknown): Promise<void>
  /** The next message's text; undefined after the end. */
  receive(options?: { signal?: AbortSignal }): Promise<string | undefined>
  close(): void
}

/** For those who want the wire itself, signed in and with its failures classified. */
export interface RawApi {
  /**
   * The wire's own events of one call, with the call's retries, events and errors as in `stream()`.
   * Leaving the loop early closes the socket. @throws LLMError
   */
  rawEvents(request: ChatRequest, options?: CallOptions): AsyncIterable<RawEvent>
  /** A signed-in WebSocket to the backend. @throws LLMError */
  openSocket(options?: { signal?: AbortSignal; conversation_id?: string }): Promise<RawSocket>
}

/** The raw API of one mount; its calls are started, and stopped, with all others of it. */
export function createRawApi(context: ProviderContext, calls: Pick<CallStreams, 'open' | 'ask'>): RawApi {
  const { deps, client } = context
  return {
    async *rawEvents(request, options = {}) {
      const tapped: TypedEvent[] = []
      let sequence_number = 0
      const take = (): RawEvent[] => tapped.splice(0).map((event) => ({ ...event, sequence_number: sequence_number++ }))
      const stream = calls.open(options, (signal, deliver) =>
        runCall(context, { request, options, signal, tap: (events) => tapped.push(...events) }, deliver))
      for await (const event of stream) {
        yield* take()
        if (event.type === 'error') break
      }
      yield* take()
      await stream.response()
    },

    async openSocket(options = {}) {
      try {
        const socket = await calls.ask(options, async (signal) =>
          client.connect(await deps.credentials.current({ signal }), options.conversation_id ?? randomUUID(), signal))
        return {
          send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
          receive: (receiveOptions) => socket.receive(receiveOptions),
          close: () => socket.close(1000),
        }
      } catch (thrown) {
        if (isLLMError(thrown) || !(thrown instanceof TransportFailure)) throw deps.redactor.error(thrown)
        throw deps.redactor.error(mapWireFailure(fromTransportFailure(thrown), {
          provider: deps.mountName, model: deps.settings.defaultModel, lane: deps.credentials.lane, signInCommand: deps.credentials.signIn, nowMs: deps.now(),
        }))
      }
    },
  }
}
