import type { ChatRequest, ContentBlock, JsonObject, Message } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { unpackReasoning } from '../dialects/index.js'
import { badRequest } from './http-failure.js'
import { readArguments, readContent, readFormat, readSettings } from './read-common.js'

/** The items of a body's `input`: a text is one message of the user's. @throws HttpFailure 400 */
export function readInput(body: JsonObject): JsonObject[] {
  const { input } = body
  if (input === undefined || input === null) return []
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }]
  if (!Array.isArray(input)) throw badRequest('input must be a text or a list of items', 'input')
  return input.map((item, index) => {
    if (!isRecord(item)) throw badRequest('an input item must be an object', `input[${index}]`)
    return item
  })
}

/**
 * The body of `/v1/responses` as the contract's request. Items of one turn of the assistant (reasoning,
 * message, calls, what the server ran) become the blocks of one message.
 * @param items the whole history, references resolved
 * @throws HttpFailure 400 naming the field
 */
export function readResponsesRequest(body: JsonObject, items: readonly unknown[]): ChatRequest {
  // Always there, so that no message of the history is taken for it.
  const messages: Message[] = [{ role: 'system', content: typeof body.instructions === 'string' ? body.instructions : '' }]
  items.forEach((item, index) => append(messages, item, `input[${index}]`))
  const { text } = body
  const format = readFormat(isRecord(text) ? text.format : undefined)
  const reasoning = isRecord(body.reasoning) ? withoutNull({ ...body.reasoning, effort: undefined }) : {}
  return {
    messages,
    ...readSettings(body, body.max_output_tokens),
    ...(isRecord(text) && typeof text.verbosity === 'string' ? { verbosity: text.verbosity } : {}),
    ...(Object.keys(reasoning).length === 0 ? {} : { reasoning }),
    ...(Array.isArray(body.include) && body.include.length > 0 ? { include: body.include as unknown[] } : {}),
    ...(format ? { response_format: format } : {}),
  }
}

const withoutNull = (value: JsonObject): JsonObject => Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null && each !== undefined))

/** Items that go to the backend as they came: it runs them, and the contract has no block for them. */
const HOSTED = new Set([
  'web_search_call', 'file_search_call', 'image_generation_call', 'code_interpreter_call', 'tool_search_call', 'tool_search_output', 'local_shell_call',
  'local_shell_call_output', 'shell_call', 'shell_call_output', 'mcp_call', 'mcp_list_tools', 'mcp_approval_request', 'mcp_approval_response', 'computer_call',
  'computer_call_output', 'apply_patch_call', 'apply_patch_call_output', 'compaction', 'compaction_summary', 'context_compaction', 'compaction_trigger',
  'additional_tools', 'configuration_update', 'agent_message',
])

function append(messages: Message[], item: unknown, param: string): void {
  if (!isRecord(item)) throw badRequest('an input item must be an object', param)
  const type = item.type ?? 'message'
  switch (type) {
    case 'message':
      return appendMessage(messages, item, param)
    case 'function_call':
    case 'custom_tool_call':
      return extendAssistant(messages, [readCall(item, param)])
    case 'function_call_output':
    case 'custom_tool_call_output':
      messages.push({ role: 'tool', tool_call_id: requireText(item.call_id, `${param}.call_id`), content: readContent(item.output, `${param}.output`) })
      return
    case 'reasoning':
      return extendAssistant(messages, [readReasoning(item)])
    default:
      if (typeof type !== 'string' || !HOSTED.has(type)) throw badRequest(`input items of type ${JSON.stringify(type)} are not taken`, param)
      return extendAssistant(messages, [readHosted(item)])
  }
}

function readCall(item: JsonObject, param: string): ContentBlock {
  const id = requireText(item.call_id ?? item.id, `${param}.call_id`)
  const name = requireText(item.name, `${param}.name`)
  const namespace = typeof item.namespace === 'string' ? { namespace: item.namespace } : {}
  if (item.type === 'custom_tool_call') return { type: 'tool_call', id, name, input: { input: String(item.input ?? '') }, custom: true, ...namespace }
  const text = typeof item.arguments === 'string' ? { arguments_text: item.arguments } : {}
  return { type: 'tool_call', id, name, input: readArguments(item.arguments), ...text, ...namespace }
}

function requireText(value: unknown, param: string): string {
  if (typeof value !== 'string' || value === '') throw badRequest(`${param} is missing`, param)
  return value
}

function appendMessage(messages: Message[], item: JsonObject, param: string): void {
  const content = readContent(item.content, `${param}.content`)
  if (item.role === 'assistant') {
    const blocks: ContentBlock[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content
    extendAssistant(messages, typeof item.phase === 'string' ? blocks.map((block) => ({ ...block, phase: item.phase })) : blocks)
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

/** A reasoning item that this server gave out carries its encrypted content with its origin; any other is its summary only. */
function readReasoning(item: JsonObject): ContentBlock {
  const summary = (Array.isArray(item.summary) ? item.summary : []).filter(isRecord)
  const content = readSealed(item)
  if (content) return { type: 'reasoning', content, summary }
  return { type: 'thinking', thinking: summary.map((part) => String(part.text ?? '')).join('\n\n') }
}

/** `[encrypted content, wire id, provenance]` of what this server gave out. */
function readSealed({ encrypted_content: sealed }: JsonObject): unknown[] | undefined {
  return typeof sealed === 'string' ? unpackReasoning(sealed) : undefined
}

function readHosted(item: JsonObject): ContentBlock {
  const content = readSealed(item)
  const sent = content ? { ...item, encrypted_content: content[0] } : item
  return { type: 'hosted', item: sent, ...(content ? { content } : {}) } as unknown as ContentBlock
}

