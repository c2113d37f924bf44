import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { ChatResponse, JsonObject } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { openWriter, runTurn, type ResponseTurn } from './answer-responses.js'
import { laneOf, ownerOf, type Exchange } from './endpoint.js'
import { createEventStream } from './event-stream.js'
import { findIgnoredFields } from './ignored-fields.js'
import { buildMessage } from './message-blocks.js'
import { createMessageEventMapper, type MessageEvent } from './message-event-mapper.js'
import { chooseMessageModel } from './message-models.js'
import { describeMessagesFailure } from './messages-failure.js'
import { explainFailure } from './model-names.js'
import { readMessagesRequest } from './read-messages-request.js'
import { addRouteTrailers, setRouteHeaders } from './route-headers.js'
import { readModelName } from './start-call.js'
import { writeJson } from './write-json.js'

/**
 * `POST /v1/messages`, whole or as an event stream: the response of the Responses dialect, told in Anthropic's. Thoughts
 * go out as thinking blocks where the client asked for them, and are kept by their tool calls in any case.
 * @throws HttpFailure, LLMError while a status can still say so; later failures are events
 */
export async function answerMessages(exchange: Exchange, body: JsonObject, response: ServerResponse): Promise<void> {
  const { endpoint, note } = exchange
  const request = readMessagesRequest(body)
  const asked = readModelName(body.model)
  note.ignored.push(...findIgnoredFields(body, 'messages', await laneOf(exchange)))
  const owner = await ownerOf(exchange)
  const model = await chooseMessageModel(exchange, asked)
  note.requestedModel = asked
  const id = randomUUID().replaceAll('-', '')
  const turn: ResponseTurn = { body: { model, store: false }, id: `resp_${id}`, input: [], request: endpoint.thoughts.recall(owner, request) }
  const identity = { id: `msg_${id}`, model: asked, showsThinking: isRecord(body.thinking) && body.thinking.type !== 'disabled' }
  const writer = openWriter(exchange, turn)
  const answered = (answer: ChatResponse): void => endpoint.thoughts.remember(owner, answer)
  if (body.stream !== true) {
    const record = await runTurn(exchange, turn, writer, { write: () => undefined, drained: () => undefined, answered })
    setRouteHeaders(response, note)
    writeJson(response, buildMessage(record.response, identity))
    return
  }
  const mapper = createMessageEventMapper(identity)
  const { times, now } = endpoint
  const events = createEventStream(response, {
    times, now, beforeHead: () => setRouteHeaders(response, note), opening: () => render(mapper.begin()), keepAlive: render([{ type: 'ping' }]),
  })
  try {
    await runTurn(exchange, turn, writer, {
      write(batch) {
        const mapped = batch.flatMap((event) => mapper.push(event))
        if (mapped.length > 0) events.write(render(mapped))
      },
      drained: () => events.drained(),
      answered,
    })
  } catch (error) {
    events.stop()
    if (!events.opened) throw error
    const failure = await explainFailure(exchange, error)
    note.error = failure.fields.code ?? failure.fields.type
    events.write(render([describeMessagesFailure(failure, exchange.id)]))
  }
  addRouteTrailers(response, note)
  events.end()
}

function render(events: readonly MessageEvent[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}
