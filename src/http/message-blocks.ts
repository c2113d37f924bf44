import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../contract/index.js'
import { isRecord, parseJson, readString } from '../lib/index.js'

/** An item of a response as blocks of the Messages dialect; none where the client asked for no thoughts, or the dialect has no word for it. */
export function buildBlocks(item: JsonObject, showsThinking: boolean): JsonObject[] {
  switch (item.type) {
    case 'message':
      return readParts(item).map((text) => ({ type: 'text', text }))
    case 'reasoning':
      return showsThinking ? buildThinking(item) : []
    case 'function_call':
      return [{ type: 'tool_use', id: item.call_id, name: item.name, input: readInput(item.arguments) }]
    case 'custom_tool_call':
      return [{ type: 'tool_use', id: item.call_id, name: item.name, input: { input: item.input } }]
    case 'web_search_call':
      return buildSearch(item)
    default:
      return []
  }
}

function readParts(item: JsonObject): string[] {
  const parts = Array.isArray(item.content) ? item.content.filter(isRecord) : []
  return parts.map((part) => readString(part, 'text') ?? readString(part, 'refusal') ?? '').filter((text) => text !== '')
}

function buildThinking(item: JsonObject): JsonObject[] {
  const summary = Array.isArray(item.summary) && item.summary.length > 0 ? item.summary : item.content
  const thinking = (Array.isArray(summary) ? summary.filter(isRecord) : []).map((part) => readString(part, 'text') ?? '').join('\n\n')
  const signature = readString(item, 'encrypted_content')
  if (thinking === '') return signature === undefined ? [] : [{ type: 'redacted_thinking', data: signature }]
  return [{ type: 'thinking', thinking, signature: signature ?? '' }]
}

function readInput(text: unknown): JsonObject {
  const input = typeof text === 'string' ? parseJson(text) : text
  return isRecord(input) ? input : {}
}

/** A search that the backend ran: what was asked, and the pages it names. */
function buildSearch(item: JsonObject): JsonObject[] {
  const id = `srvtoolu_${randomUUID().replaceAll('-', '')}`
  const action = isRecord(item.action) ? item.action : {}
  const sources = Array.isArray(action.sources) ? action.sources.filter(isRecord) : []
  const content = sources.map(({ url, title }) => ({ type: 'web_search_result', url, title: title ?? url, encrypted_content: '', page_age: null }))
  return [
    { type: 'server_tool_use', id, name: 'web_search', input: { query: action.query ?? '' } },
    { type: 'web_search_tool_result', tool_use_id: id, content },
  ]
}

/** Cached tokens stand beside `input_tokens` in this dialect, not in it. */
export function buildMessageUsage(usage: unknown): JsonObject {
  const told = isRecord(usage) ? usage : {}
  const details = isRecord(told.input_tokens_details) ? told.input_tokens_details : {}
  const cached = typeof details.cached_tokens === 'number' ? details.cached_tokens : 0
  const input = typeof told.input_tokens === 'number' ? told.input_tokens : 0
  return {
    input_tokens: Math.max(0, input - cached), cache_creation_input_tokens: 0, cache_read_input_tokens: cached,
    output_tokens: typeof told.output_tokens === 'number' ? told.output_tokens : 0,
  }
}

/** Why an answer ended, from the response it was. */
export function readStopReason(response: JsonObject): string {
  const output = Array.isArray(response.output) ? response.output.filter(isRecord) : []
  if (response.status === 'incomplete') return isRecord(response.incomplete_details) && response.incomplete_details.reason === 'content_filter' ? 'refusal' : 'max_tokens'
  if (output.some(({ type }) => type === 'function_call' || type === 'custom_tool_call')) return 'tool_use'
  return output.some((item) => isRecord(item) && Array.isArray(item.content) && item.content.some((part) => isRecord(part) && part.type === 'refusal')) ? 'refusal' : 'end_turn'
}

/** A whole answer. @param response the Responses dialect's */
export function buildMessage(response: JsonObject, { id, model, showsThinking }: { id: string; model: string; showsThinking: boolean }): JsonObject {
  const output = Array.isArray(response.output) ? response.output.filter(isRecord) : []
  return {
    id, type: 'message', role: 'assistant', model, content: output.flatMap((item) => buildBlocks(item, showsThinking)),
    stop_reason: readStopReason(response), stop_sequence: null, usage: buildMessageUsage(response.usage),
  }
}
