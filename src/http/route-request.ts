import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JsonObject } from '../contract/index.js'
import { answerChat } from './answer-chat.js'
import { answerMessages } from './answer-messages.js'
import { answerResponses } from './answer-responses.js'
import { compactResponse } from './compact-response.js'
import { countTokens } from './count-tokens.js'
import type { Exchange } from './endpoint.js'
import { HttpFailure } from './http-failure.js'
import { deleteResponse, listInputItems, showResponse } from './kept-responses.js'
import { findModel, listMessageModels, listModels } from './model-names.js'
import { readJsonBody } from './read-body.js'
import { writeJson } from './write-json.js'

type Post = (exchange: Exchange, body: JsonObject, response: ServerResponse) => Promise<void>

const POSTS: Readonly<Record<string, Post>> = {
  '/v1/chat/completions': answerChat,
  '/v1/messages': answerMessages,
  '/v1/messages/count_tokens': countTokens,
  '/v1/responses': answerResponses,
  '/v1/responses/compact': compactResponse,
}

/** Leads a request to what answers it. @throws HttpFailure, LLMError */
export async function routeRequest(exchange: Exchange, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [pathname = '/', search] = (request.url ?? '/').split('?')
  const path = pathname.length > 1 ? pathname.replace(/\/+$/, '') : pathname
  const post = POSTS[path]
  if (post) {
    if (request.method !== 'POST') throw refuseMethod(path, 'POST')
    return post(exchange, await readJsonBody(request), response)
  }
  const [, kind, id, rest] = /^\/v1\/(models|responses)(?:\/([^/]+)(\/input_items)?)?$/.exec(path) ?? []
  if (kind === 'models' && rest === undefined) {
    if (request.method !== 'GET') throw refuseMethod(path, 'GET')
    const list = request.headers['anthropic-version'] === undefined ? listModels : listMessageModels
    return writeJson(response, id === undefined ? await list(exchange) : await findModel(exchange, decode(id)))
  }
  if (kind === 'responses' && id !== undefined) {
    if (request.method === 'GET') return rest ? listInputItems(exchange, id, new URLSearchParams(search), response) : showResponse(exchange, id, response)
    if (request.method === 'DELETE' && rest === undefined) return deleteResponse(exchange, id, response)
    throw refuseMethod(path, rest ? 'GET' : 'GET, DELETE')
  }
  throw new HttpFailure(404, `There is nothing at ${path}: /v1/models, /v1/responses, /v1/chat/completions and /v1/messages are served.`, { type: 'not_found_error', code: 'not_found' })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const refuseMethod = (path: string, allow: string): HttpFailure =>
  new HttpFailure(405, `${path} takes ${allow}.`, { type: 'invalid_request_error', code: 'method_not_allowed', headers: { allow } })
