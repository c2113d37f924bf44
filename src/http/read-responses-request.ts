import type { ChatRequest, ContentBlock, JsonObject, Message } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { unpackReasoning } from '../responses/public.js'
import { badRequest } from './http-failure.js'
import { readArguments, readContent, readFormat, readSettings } from './read-common.js'

/**
 * The body of `/v1/responses` as the contract's request. Items of one turn of the assistant (reasoning,
 * message, function calls) become the blocks of one message.
 * @throws HttpFailure 400 naming the field
 */
export function readResponsesRequest(body: JsonObject): ChatRequest {
  if (body.previous_response_id !== undefined && body.previous_response_id !== null) {
    throw badRequest('previous_response_id is not kept here: send the whole input', 'previous_response_id')
  }
  const items: unknown[] = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : Array.isArray(body.input) ? body.input : []
  if (items.length === 0) throw badRequest('input must be a text or a list with at least one item', 'input')
  const messages: Message[] = typeof body.instructions === 'string' && body.instructions !== '' ? [{ role: 'system', content: body.instructions }] : []
  items.forEach((item, index) => append(messages, item, `input[${index}]`))
  const format = readFormat(isRecord(body.text) ? body.text.format : undefined)
  return { messages, ...readSettings(body, body.max_output_tokens), ...(format ? { response_format: format } : {}) }
}

function append(messages: Message[], item: unknown, param: string): void {
  if (!isRecord(item)) throw badRequest('an input item must be an object', param)
  switch (item.type ?? 'message') {
    case 'message':
      return appendMessage(messages, item, param)
    case 'function_call':
      return extendAssistant(messages, [{ type: 'tool_call', id: requireText(item.call_id ?? item.id, `${param}.call_id`), name: requireText(item.name, `${param}.name`), input: readArguments(item.arguments) }])
    case 'function_call_output':
      messages.push({ role: 'tool', tool_call_id: requireText(item.call_id, `${param}.call_id`), content: readContent(item.output, `${param}.output`) })
      return
    case 'reasoning':
      return extendAssistant(messages, readReasoning(item))
    default:
      throw badRequest(`input items of type ${JSON.stringify(item.type)} are not taken`, param)
  }
}

function requireText(value: unknown, param: string): string {
  if (typeof value !== 'string' || value === '') throw badRequest(`${param} is missing`, param)
  return value
}

function appendMessage(messages: Message[], item: JsonObject, param: string): void {
  const content = readContent(item.content, `${param}.content`)
  if (item.role === 'assistant') {
    extendAssistant(messages, typeof content === 'string' ? [{ type: 'text', text: content }] : content)
    return
  }
  if (item.role !== 'user' && item.role !== 'system' && item.role !== 'developer') throw badRequest('a message needs a role', param)
  messages.push({ role: item.role, content })
}

function extendAssistant(messages: Message[], blocks: ContentBlock[]): void {
  const last = messages[messages.length - 1]
  if (last?.role === 'assistant' && Array.isArray(last.content)) last.content.push(...blocks)
  else messages.push({ role: 'assistant', content: blocks })
}

/** A reasoning item that this server gave out carries the whole thinking block; any other is its summary only. */
function readReasoning(item: JsonObject): ContentBlock[] {
  const summary = Array.isArray(item.summary) ? item.summary : []
  const thinking = summary.map((part) => (isRecord(part) ? String(part.text ?? '') : '')).join('\n\n')
  const content = typeof item.encrypted_content === 'string' ? unpackReasoning(item.encrypted_content) : undefined
  return [{ type: 'thinking', thinking, ...(content ? { content } : {}) }]
}
