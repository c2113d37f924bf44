import type { ChatResponse, StreamEvent } from '../contract/index.js'
import { createResponseEventMapper } from './response-event-mapper.js'
import type { ResponseIdentity } from './response-object.js'
import type { ResponseStreamEvent } from './response-writer.js'
import { toStreamEvents } from './stream-to-answer-events.js'

/** A wire event as `rawEvents` gives it. */
export interface RawEvent {
  type: string
  [field: string]: unknown
}

type Source = AsyncIterable<StreamEvent | RawEvent> | Iterable<StreamEvent | RawEvent>

/** Wire events that other clients of the dialect have no use for. */
const PRIVATE = new Set(['response.metadata', 'response.content_part.delta'])
/**
 * The Responses dialect's events, numbered 0, 1, 2 … without gaps, of a provider's stream, of the
 * wire's own events, or of a whole answer. Leaving the loop early ends the source's iteration.
 */
export async function* toResponseStreamEvents(
  source: Source | ChatResponse,
  identity: ResponseIdentity,
): AsyncGenerator<ResponseStreamEvent, void, undefined> {
  if ('content' in source) {
    yield* responseToEvents(source, identity)
    return
  }
  const mapper = createResponseEventMapper(identity)
  let sequence = 0
  for await (const event of source) {
    if (isStreamEvent(event)) {
      const response = event.type === 'message.end' ? await readResponse(source) : undefined
      yield* mapper.push(event, response)
    } else if ((event.type.startsWith('response.') && !PRIVATE.has(event.type)) || event.type === 'error') {
      const type = event.type === 'response.done' ? 'response.completed' : event.type
      yield { ...event, type, sequence_number: sequence++ }
    }
  }
}

/** The same events for an answer that has come whole. */
export function responseToEvents(response: ChatResponse, identity: ResponseIdentity): ResponseStreamEvent[] {
  const mapper = createResponseEventMapper(identity)
  return toStreamEvents(response).flatMap((event) => mapper.push(event, event.type === 'message.end' ? response : undefined))
}

/** The wire numbers its events by another word. */
function isStreamEvent(event: StreamEvent | RawEvent): event is StreamEvent {
  return 'seq' in event
}

/** A provider's stream knows its whole answer once it has ended. */
async function readResponse(source: object): Promise<ChatResponse | undefined> {
  if (!('response' in source) || typeof source.response !== 'function') return undefined
  try {
    return (await (source.response as () => Promise<ChatResponse>).call(source)) as ChatResponse
  } catch {
    return undefined
  }
}
