import type { ServerResponse } from 'node:http'
import type { JsonObject } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import type { Exchange } from './endpoint.js'
import { badRequest } from './http-failure.js'
import { chooseMessageModel } from './message-models.js'
import { checkModel } from './model-names.js'
import { readMessagesRequest } from './read-messages-request.js'
import { writeJson } from './write-json.js'

/** English text and code of the o200k encoding: about four characters a token. */
const CHARS_PER_TOKEN = 4
/** An image of middling size in high detail. */
const TOKENS_PER_IMAGE = 765

/**
 * `POST /v1/messages/count_tokens`: an estimate, since the backend counts only what it answers. Clients take it to decide
 * when to compact; the answers' own usage is exact.
 * @throws HttpFailure 400 for what could not be answered either, 404 for a model that is not there
 */
export async function countTokens(exchange: Exchange, body: JsonObject, response: ServerResponse): Promise<void> {
  readMessagesRequest(body)
  const model = await chooseMessageModel(exchange, body.model)
  if (typeof model !== 'string' || model === '') throw badRequest('model is missing: name one of /v1/models, or role:NAME', 'model')
  exchange.note.model = model
  await checkModel(exchange, model)
  const { chars, images } = measure([body.system, body.messages, body.tools])
  writeJson(response, { input_tokens: Math.ceil(chars / CHARS_PER_TOKEN) + images * TOKENS_PER_IMAGE })
}

function measure(root: unknown): { chars: number; images: number } {
  let chars = 0
  let images = 0
  const left: unknown[] = [root]
  for (let value = left.pop(); value !== undefined || left.length > 0; value = left.pop()) {
    if (typeof value === 'string') chars += value.length
    else if (Array.isArray(value)) left.push(...(value as unknown[]))
    else if (isRecord(value)) {
      if (value.type === 'base64' && typeof value.data === 'string') images += 1
      else left.push(...Object.keys(value), ...Object.values(value))
    } else if (value !== undefined && value !== null) chars += 4
  }
  return { chars, images }
}
