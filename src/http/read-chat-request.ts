import type { ChatRequest, ContentBlock, JsonObject, Message } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { badRequest } from './http-failure.js'
import { readArguments, readContent, readFormat, readSettings } from './read-common.js'

/** The body of `/v1/chat/completions` as the contract's request. @throws HttpFailure 400 naming the field */
export function readChatRequest(body: JsonObject): ChatRequest {
  if (!Array.isArray(body.messages) || body.messages.length === 0) throw badRequest('messages must be a list with at least one message', 'messages')
  const format = readFormat(body.response_format)
  return {
    messages: body.messages.map((message, index) => readMessage(message, `messages[${index}]`)),
    ...readSettings(body, body.max_completion_tokens ?? body.max_tokens),
    ...(format ? { response_format: format } : {}),
  }
}

const ROLES = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function'])

function readMessage(message: unknown, param: string): Message {
  if (!isRecord(message) || typeof message.role !== 'string' || !ROLES.has(message.role)) throw badRequest('a message needs a role', param)
  const content = readContent(message.content, `${param}.content`)
  if (message.role === 'tool' || message.role === 'function') {
    const id = message.tool_call_id ?? message.name
    if (typeof id !== 'string') throw badRequest('a tool message needs the tool_call_id it answers', param)
    return { role: 'tool', tool_call_id: id, content }
  }
  const role = message.role as Message['role']
  if (role !== 'assistant' || !Array.isArray(message.tool_calls)) return { role, content }
  const blocks: ContentBlock[] = typeof content === 'string' ? (content === '' ? [] : [{ type: 'text', text: content }]) : content
  return { role, content: [...blocks, ...message.tool_calls.map((call, index) => readCall(call, `${param}.tool_calls[${index}]`))] }
}

function readCall(call: unknown, param: string): ContentBlock {
  const inner = isRecord(call) && isRecord(call.function) ? call.function : undefined
  if (!isRecord(call) || typeof call.id !== 'string' || !inner || typeof inner.name !== 'string') throw badRequest('a tool call needs id and function.name', param)
  return { type: 'tool_call', id: call.id, name: inner.name, input: readArguments(inner.arguments) }
}
