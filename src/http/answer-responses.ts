import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { ChatRequest, ChatResponse, JsonObject } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import { createResponseWriter, createStreamTranslator, toStreamEvents, type ResponseStreamEvent } from '../dialects/index.js'
import { laneOf, ownerOf, type Exchange } from './endpoint.js'
import { createEventStream } from './event-stream.js'
import { HttpFailure, badRequest, toHttpFailure } from './http-failure.js'
import { findIgnoredFields } from './ignored-fields.js'
import { explainFailure } from './model-names.js'
import { readInput, readResponsesRequest } from './read-responses-request.js'
import { buildEcho } from './response-echo.js'
import { createRecordFinder, keepRecord, nameInputItems, readHistory, resolveReferences, type ResponseRecord } from './response-record.js'
import { addRouteTrailers, noteAnswer, servedModel, setRouteHeaders } from './route-headers.js'
import { readModelName, startCall } from './start-call.js'
import { writeJson } from './write-json.js'

/** A request of the dialect, read and ready to be run. */
export interface ResponseTurn {
  body: JsonObject
  id: string
  /** the request's own items */
  input: JsonObject[]
  request: ChatRequest
  /** what a response that this one continues called its conversation */
  conversation?: string
}

export interface TurnSink {
  /** the dialect's events, as they come */
  write(events: readonly ResponseStreamEvent[]): void
  drained(): Promise<void> | undefined
  /** is given the whole answer before its end is written */
  answered?(response: ChatResponse): void
}

/** Fields that would be passed over where they are anything else. */
const TEXTS = ['instructions', 'previous_response_id', 'prompt_cache_key']

/**
 * Reads a request of the dialect with what it refers to.
 * @param local responses of the request's own WebSocket
 * @throws HttpFailure 400 naming the field, 404 for what is not kept
 */
export async function readTurn(exchange: Exchange, body: JsonObject, local?: ReadonlyMap<string, ResponseRecord>): Promise<ResponseTurn> {
  readModelName(body.model)
  for (const name of TEXTS) if (typeof (body[name] ?? '') !== 'string') throw badRequest(`${name} must be a text`, name)
  exchange.note.ignored.push(...findIgnoredFields(body, 'responses', await laneOf(exchange)))
  const finder = createRecordFinder(exchange, local)
  const previous = readString(body, 'previous_response_id')
  const input = readInput(body)
  const own = await resolveReferences(finder, input)
  if (previous === undefined && own.length === 0 && body.generate !== false) throw badRequest('input must be a text or a list with at least one item', 'input')
  const before = previous === undefined ? undefined : await readHistory(finder, previous)
  const items = [...(before?.items ?? []), ...own]
  if (before || local) refuseLoneOutputs(items)
  const id = `resp_${randomUUID().replaceAll('-', '')}`
  const request = readResponsesRequest(body, items)
  const conversation = request.conversation_id ?? before?.conversation
  return { body, id, input: nameInputItems(own.filter(isRecord), id), request: conversation ? { ...request, conversation_id: conversation } : request, ...(before ? { conversation: before.conversation } : {}) }
}

/** What continues something kept has its calls before it: a result without one would be left out by the repair, and the model would never see it. */
function refuseLoneOutputs(items: readonly unknown[]): void {
  const calls = new Set<unknown>()
  for (const item of items.filter(isRecord)) {
    const type = String(item.type)
    if (type.endsWith('_call')) calls.add(item.call_id)
    else if ((type === 'function_call_output' || type === 'custom_tool_call_output') && !calls.has(item.call_id)) {
      throw new HttpFailure(400, `No tool call found for function call output with call_id ${String(item.call_id)}.`, { type: 'invalid_request_error', code: 'tool_call_not_found', param: 'input' })
    }
  }
}

/** Runs a turn, its events to the sink; keeps the response where it may. @throws LLMError, after which nothing was written but what had come */
export async function runTurn(exchange: Exchange, turn: ResponseTurn, writer: ReturnType<typeof openWriter>, sink: TurnSink): Promise<ResponseRecord> {
  const { endpoint, note } = exchange
  let onWire = false
  const stream = await startCall(exchange, turn.request, turn.body.model, {
    onBlocks(blocks, { provenance }) {
      onWire = true
      note.firstAt ??= endpoint.now()
      sink.write(writer.push(blocks, provenance))
    },
  })
  const translate = createStreamTranslator()
  for await (const event of stream) {
    if (!onWire) sink.write(writer.push(translate(event)))
    const waiting = sink.drained()
    if (waiting) await waiting
  }
  const response = await stream.response()
  noteAnswer(note, response)
  sink.answered?.(response)
  // What another provider of the host answered without a stream is told whole.
  if (!onWire && !writer.told()) sink.write(writer.push(toStreamEvents(response).flatMap(createStreamTranslator())))
  const ending = writer.end(response, { completedAt: Math.floor(endpoint.now() / 1000) })
  const record = buildRecord(turn, ending, response)
  if (turn.body.store !== false && turn.body.generate !== false) await keep(exchange, record)
  sink.write(ending)
  return record
}

/** An answer that cannot be kept is still an answer: it says that it is not stored. */
async function keep(exchange: Exchange, record: ResponseRecord): Promise<void> {
  try {
    await keepRecord(exchange.endpoint.store, await ownerOf(exchange), record)
  } catch (error) {
    exchange.note.error = toHttpFailure(error).fields.code ?? 'store_unavailable'
    record.response.store = false
  }
}

/** The writer of a turn's response. Its model is the one that serves as soon as a candidate has been chosen: a role's name tells a client nothing. */
export function openWriter(exchange: Exchange, turn: ResponseTurn) {
  return createResponseWriter({
    responseId: turn.id, createdAt: Math.floor(exchange.endpoint.now() / 1000), echo: buildEcho(turn.body),
    get model() {
      return servedModel(exchange.note) ?? exchange.note.route?.resolved_model ?? String(turn.body.model)
    },
  })
}

function buildRecord(turn: ResponseTurn, ending: readonly ResponseStreamEvent[], response: ChatResponse): ResponseRecord {
  const last = ending.at(-1)?.response
  const route = response.metadata?.route
  const cache = isRecord(route) && isRecord(route.cache) ? readString(route.cache, 'key') : undefined
  return { response: isRecord(last) ? last : {}, input: turn.input, conversation: turn.request.conversation_id ?? cache ?? turn.id }
}

/** `POST /v1/responses`, whole or as an event stream. @throws HttpFailure, LLMError while a status can still say so; later failures are events */
export async function answerResponses(exchange: Exchange, body: JsonObject, response: ServerResponse): Promise<void> {
  const turn = await readTurn(exchange, body)
  const writer = openWriter(exchange, turn)
  if (body.stream !== true) {
    const record = await runTurn(exchange, turn, writer, { write: () => undefined, drained: () => undefined })
    setRouteHeaders(response, exchange.note)
    writeJson(response, record.response)
    return
  }
  const { times, now } = exchange.endpoint
  const events = createEventStream(response, {
    times, now, beforeHead: () => setRouteHeaders(response, exchange.note), opening: () => render(writer.begin()),
  })
  try {
    await runTurn(exchange, turn, writer, {
      write(batch) {
        if (batch.length > 0) events.write(render(batch))
      },
      drained: () => events.drained(),
    })
  } catch (error) {
    events.stop()
    if (!events.opened) throw error
    const failure = await explainFailure(exchange, error)
    exchange.note.error = failure.fields.code ?? failure.fields.type
    events.write(render(writer.fail(failure.describe())))
  }
  addRouteTrailers(response, exchange.note)
  events.end('data: [DONE]\n\n')
}

function render(events: readonly ResponseStreamEvent[]): string {
  let text = ''
  for (const event of events) text += `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
  return text
}
