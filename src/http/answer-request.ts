import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { describeError, isLLMError, type ChatRequest, type JsonObject, type Provider, type ResponseStream } from '../contract/index.js'
import { createChatCompletionChunkMapper, responseToEvents, toChatCompletion, toResponseStreamEvents } from '../responses/public.js'
import { createEventStream } from './event-stream.js'
import { badRequest, toHttpFailure } from './http-failure.js'
import { readChatRequest } from './read-chat-request.js'
import { readResponsesRequest } from './read-responses-request.js'
import { isRecord } from '../lib/index.js'

export interface AnswerInput {
  provider: Provider
  body: JsonObject
  response: ServerResponse
  /** aborted when the client has gone */
  signal: AbortSignal
  now: () => number
}

const ROLE = /^role:(.+)$/

/** A model name may be a role, or several in order: `role:coding`, `role:coding,general`. */
function start({ provider, body, signal }: AnswerInput, request: ChatRequest): { model: string; stream: ResponseStream } {
  if (typeof body.model !== 'string' || body.model === '') throw badRequest('model is missing: name one of /v1/models, or role:NAME', 'model')
  const roles = ROLE.exec(body.model)?.[1]?.split(',').map((role) => role.trim())
  const options = { signal, interactive: true }
  const stream = roles ? provider.delegate(roles, request, options) : provider.stream({ ...request, model: body.model }, options)
  return { model: body.model, stream }
}

/** Answers in the dialect of Chat Completions, whole or as an event stream. @throws LLMError while a status can still say so; later failures are events */
export async function answerChat(input: AnswerInput): Promise<void> {
  const { body, response, now } = input
  const { model, stream } = start(input, readChatRequest(body))
  const identity = { id: `chatcmpl-${randomUUID()}`, model, created: Math.floor(now() / 1000) }
  if (body.stream !== true) {
    writeJson(response, toChatCompletion(await stream.response(), identity))
    return
  }
  const events = createEventStream(response)
  const includeUsage = isRecord(body.stream_options) && body.stream_options.include_usage === true
  const mapper = createChatCompletionChunkMapper(identity, { includeUsage })
  for await (const event of stream) {
    if (event.type === 'error') break
    const whole = event.type === 'message.end' ? await stream.response() : undefined
    // The head waits for the first real event: what fails before it is answered by a status.
    if (event.type !== 'message.start') for (const chunk of mapper.push(event, whole)) await events.send(chunk)
  }
  try {
    await stream.response()
    events.end('data: [DONE]\n\n')
  } catch (error) {
    if (!response.headersSent) throw error
    await events.send(toHttpFailure(error).body())
    events.end()
  }
}

/** Answers in the dialect of Responses, whole or as an event stream. @throws LLMError while a status can still say so; later failures are events */
export async function answerResponses(input: AnswerInput): Promise<void> {
  const { body, response, now } = input
  const { model, stream } = start(input, readResponsesRequest(body))
  const identity = { responseId: `resp_${randomUUID().replaceAll('-', '')}`, model, createdAt: Math.floor(now() / 1000) }
  if (body.stream !== true) {
    const last = responseToEvents(await stream.response(), identity).at(-1)
    writeJson(response, last?.response)
    return
  }
  const events = createEventStream(response)
  const held: unknown[] = []
  for await (const event of toResponseStreamEvents(stream, identity)) {
    // Until the backend has begun to answer, a failure is answered by a status.
    if (event.type === 'response.created' || event.type === 'response.in_progress') {
      held.push(event)
      continue
    }
    if (event.type === 'response.failed' && !response.headersSent) break
    for (const early of held.splice(0)) await events.send(early, (early as { type: string }).type)
    await events.send(event, event.type)
  }
  try {
    await stream.response()
    events.end()
  } catch (error) {
    if (!response.headersSent) throw error
    if (isLLMError(error)) await events.send({ type: 'error', code: error.code ?? error.name, message: describeError(error).message, param: null }, 'error')
    events.end()
  }
}

/** A whole JSON answer with its length; nothing where the client is gone. */
export function writeJson(response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}): void {
  if (response.destroyed) return
  const text = JSON.stringify(value)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers })
  response.end(text)
}
