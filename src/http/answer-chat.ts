import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { JsonObject } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { createChatCompletionChunkMapper, toChatCompletion } from '../dialects/index.js'
import { laneOf, ownerOf, type Exchange } from './endpoint.js'
import { createEventStream, type EventStream } from './event-stream.js'
import { findIgnoredFields } from './ignored-fields.js'
import { explainFailure } from './model-names.js'
import { readChatRequest } from './read-chat-request.js'
import { addRouteTrailers, noteAnswer, setRouteHeaders } from './route-headers.js'
import { startCall } from './start-call.js'
import { writeJson } from './write-json.js'

/** `POST /v1/chat/completions`, whole or as an event stream. @throws HttpFailure, LLMError while a status can still say so; later failures are events */
export async function answerChat(exchange: Exchange, body: JsonObject, response: ServerResponse): Promise<void> {
  const { endpoint, note } = exchange
  note.ignored.push(...findIgnoredFields(body, 'chat', await laneOf(exchange)))
  const owner = await ownerOf(exchange)
  const request = endpoint.thoughts.recall(owner, readChatRequest(body))
  const stream = await startCall(exchange, request, body.model)
  const model = String(body.model)
  const identity = { id: `chatcmpl-${randomUUID()}`, model, created: Math.floor(endpoint.now() / 1000) }
  if (body.stream !== true) {
    const answer = await stream.response()
    endpoint.thoughts.remember(owner, answer)
    noteAnswer(note, answer)
    setRouteHeaders(response, note)
    writeJson(response, toChatCompletion(answer, { ...identity, model: note.served ?? model }))
    return
  }
  const { times, now } = endpoint
  const events = createEventStream(response, { times, now, beforeHead: () => setRouteHeaders(response, note), opening: () => '' })
  const includeUsage = isRecord(body.stream_options) && body.stream_options.include_usage === true
  const mapper = createChatCompletionChunkMapper(identity, { includeUsage })
  const write = (text: string): Promise<void> | undefined => {
    if (text === '') return undefined
    note.firstAt ??= now()
    events.write(text)
    return events.drained()
  }
  try {
    for await (const event of stream) {
      if (event.type === 'error') break
      // The head waits for the first real event: what fails before it is answered by a status.
      if (event.type === 'message.start') continue
      const whole = event.type === 'message.end' ? await stream.response() : undefined
      const waiting = write(mapper.render(event, whole))
      if (waiting) await waiting
    }
    const answer = await stream.response()
    endpoint.thoughts.remember(owner, answer)
    noteAnswer(note, answer)
    addRouteTrailers(response, note)
    events.end('data: [DONE]\n\n')
  } catch (error) {
    await failStream(exchange, events, error)
    addRouteTrailers(response, note)
    events.end()
  }
}

/** A failure once the stream is open. @throws the error itself before that */
async function failStream(exchange: Exchange, events: EventStream, error: unknown): Promise<void> {
  events.stop()
  if (!events.opened) throw error
  const failure = await explainFailure(exchange, error)
  exchange.note.error = failure.fields.code ?? failure.fields.type
  events.write(`data: ${JSON.stringify(failure.body())}\n\n`)
}
