import type { ChatRequest, ContentBlock, JsonObject, Message, ToolSpec } from '../contract/index.js'
import { isRecord, parseJson, readNumber, readString, shortHash } from '../lib/index.js'
import { unpackReasoning } from '../dialects/index.js'
import { badRequest } from './http-failure.js'
import { readFormat, readText as readPartText } from './read-common.js'

/**
 * The body of `/v1/messages` as the contract's request; the model is chosen apart.
 * @throws HttpFailure 400 naming the field
 */
export function readMessagesRequest(body: JsonObject): ChatRequest {
  if (!Array.isArray(body.messages) || body.messages.length === 0) throw badRequest('messages: at least one message is required', 'messages')
  const choice = isRecord(body.tool_choice) ? body.tool_choice : undefined
  const settings: Partial<ChatRequest> = {
    max_output_tokens: readNumber(body, 'max_tokens'),
    temperature: readNumber(body, 'temperature'),
    top_p: readNumber(body, 'top_p'),
    stop: Array.isArray(body.stop_sequences) && body.stop_sequences.length > 0 ? body.stop_sequences.map(String) : undefined,
    tools: readTools(body.tools),
    tool_choice: choice && readToolChoice(choice),
    parallel_tool_calls: choice?.disable_parallel_tool_use === true ? false : undefined,
    reasoning_effort: readEffort(body),
    response_format: readFormat(isRecord(body.output_config) ? (body.output_config.format ?? body.output_format) : body.output_format),
    conversation_id: readConversation(body),
  }
  return {
    messages: [...readSystem(body.system), ...body.messages.flatMap((message, index) => readMessage(message, `messages.${index}`))],
    ...Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
  }
}

/** Claude Code begins its system prompt with a line for the bill that differs in every request: nothing after it could be cached. */
const BILLING = /^x-anthropic-billing-header:/

function readSystem(system: unknown): Message[] {
  if (typeof system === 'string') return system === '' ? [] : [{ role: 'system', content: system }]
  if (!Array.isArray(system)) return []
  const texts = system.filter(isRecord).map((block) => readString(block, 'text') ?? '').filter((text) => text !== '' && !BILLING.test(text))
  return texts.length === 0 ? [] : [{ role: 'system', content: texts.join('\n\n') }]
}

function readMessage(message: unknown, param: string): Message[] {
  const role = isRecord(message) ? message.role : undefined
  if (!isRecord(message) || (role !== 'user' && role !== 'assistant' && role !== 'system')) throw badRequest(`${param}.role: user or assistant`, `${param}.role`)
  if (typeof message.content === 'string') return [{ role, content: message.content }]
  if (!Array.isArray(message.content)) throw badRequest(`${param}.content: a text or a list of blocks`, `${param}.content`)
  const messages: Message[] = []
  let open: ContentBlock[] | undefined
  message.content.forEach((block, index) => {
    const place = `${param}.content.${index}`
    if (!isRecord(block)) throw badRequest(`${place}: a block is an object`, place)
    if (block.type === 'tool_result') {
      open = undefined
      messages.push(readToolResult(block, place))
      return
    }
    const blocks = readBlock(block, place)
    if (blocks.length === 0) return
    if (!open) messages.push({ role, content: (open = []) })
    open.push(...blocks)
  })
  return messages
}

function readBlock(block: JsonObject, param: string): ContentBlock[] {
  switch (block.type) {
    case 'text':
      return [{ type: 'text', text: readPartText(block.text, param) }]
    case 'image':
      return [readImage(block.source, param)]
    case 'document':
      return readDocument(block, param)
    case 'search_result':
      return [{ type: 'text', text: [block.title, block.source, readText(block.content)].filter((part) => typeof part === 'string' && part !== '').join('\n') }]
    case 'thinking':
      return readThinking(readString(block, 'thinking') ?? '', block.signature)
    case 'redacted_thinking':
      return readThinking('', block.data)
    case 'tool_use':
      if (typeof block.id !== 'string' || typeof block.name !== 'string') throw badRequest(`${param}: a tool_use block needs id and name`, param)
      return [{ type: 'tool_call', id: block.id, name: block.name, input: isRecord(block.input) ? block.input : {} }]
    // What a search of the backend's found went into the answer beside it.
    case 'server_tool_use':
    case 'web_search_tool_result':
      return []
    default:
      throw badRequest(`${param}: blocks of type ${JSON.stringify(block.type)} are not taken`, param)
  }
}

/** Thoughts of ours go back as they came; another backend's mean nothing to this one. */
function readThinking(thinking: string, signature: unknown): ContentBlock[] {
  const content = typeof signature === 'string' ? unpackReasoning(signature) : undefined
  return content ? [{ type: 'thinking', thinking, content }] : []
}

function readImage(source: unknown, param: string): ContentBlock {
  if (isRecord(source) && source.type === 'base64') return { type: 'image', source: { type: 'base64', media_type: source.media_type, data: source.data } }
  if (isRecord(source) && source.type === 'url') return { type: 'image', source: { type: 'url', url: source.url } }
  throw badRequest(`${param}.source: base64 or url; files are not kept here`, `${param}.source`)
}

function readDocument(block: JsonObject, param: string): ContentBlock[] {
  const { source } = block
  const filename = readString(block, 'title') ?? 'document.pdf'
  switch (isRecord(source) ? source.type : undefined) {
    case 'base64': {
      const { media_type: mediaType, data } = source as JsonObject
      return [{ type: 'input_file', filename, file_data: `data:${String(mediaType)};base64,${String(data)}` } as unknown as ContentBlock]
    }
    case 'url':
      return [{ type: 'input_file', file_url: (source as JsonObject).url } as unknown as ContentBlock]
    case 'text':
      return [{ type: 'text', text: String((source as JsonObject).data ?? '') }]
    case 'content':
      return [{ type: 'text', text: readText((source as JsonObject).content) }]
    default:
      throw badRequest(`${param}.source: base64, url, text or content; files are not kept here`, `${param}.source`)
  }
}

function readText(content: unknown): string {
  if (typeof content === 'string') return content
  return Array.isArray(content) ? content.filter(isRecord).map((part) => readString(part, 'text') ?? '').join('\n') : ''
}

function readToolResult(block: JsonObject, param: string): Message {
  if (typeof block.tool_use_id !== 'string') throw badRequest(`${param}: a tool_result block needs tool_use_id`, param)
  const { content } = block
  const whole = Array.isArray(content) ? content.flatMap((part, index) => (isRecord(part) ? readResultPart(part, `${param}.content.${index}`) : [])) : String(content ?? '')
  return { role: 'tool', tool_call_id: block.tool_use_id, content: block.is_error === true ? markError(whole) : whole }
}

function readResultPart(part: JsonObject, param: string): ContentBlock[] {
  if (part.type !== 'tool_reference') return readBlock(part, param)
  return [{ type: 'text', text: `Tool found: ${String(part.tool_name)}` }]
}

/** The Responses dialect has no flag for a failed call: its text says so. */
function markError(content: string | ContentBlock[]): string | ContentBlock[] {
  const text = typeof content === 'string' ? content : content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  if (/^\W*(?:\w+[ _])?error/i.test(text)) return content
  return typeof content === 'string' ? `Error: ${content}` : [{ type: 'text', text: 'Error:' }, ...content]
}

/** The web search of that dialect is the backend's own; other tools that a server would run have nobody to run them here. */
function readTools(tools: unknown): ToolSpec[] | undefined {
  if (tools === undefined || tools === null) return undefined
  if (!Array.isArray(tools)) throw badRequest('tools: a list', 'tools')
  return tools.map((tool, index): ToolSpec => {
    if (!isRecord(tool) || typeof tool.name !== 'string') throw badRequest(`tools.${index}: a tool needs a name`, `tools.${index}`)
    if (typeof tool.type === 'string' && tool.type.startsWith('web_search_')) {
      const filters = Array.isArray(tool.allowed_domains) ? { filters: { allowed_domains: tool.allowed_domains } } : {}
      return { type: 'web_search', name: 'web_search', parameters: {}, ...filters }
    }
    if (tool.type !== undefined && tool.type !== null && tool.type !== 'custom') {
      throw badRequest(`tools.${index}.type: ${JSON.stringify(tool.type)} is not served here: define the tool by name and input_schema`, `tools.${index}.type`)
    }
    return {
      name: tool.name,
      parameters: isRecord(tool.input_schema) ? tool.input_schema : { type: 'object', properties: {} },
      ...(typeof tool.description === 'string' ? { description: tool.description } : {}),
      ...(typeof tool.strict === 'boolean' ? { strict: tool.strict } : {}),
    }
  })
}

function readToolChoice(choice: JsonObject): ChatRequest['tool_choice'] {
  if (choice.type === 'any') return 'required'
  if (choice.type === 'tool' && typeof choice.name === 'string') return choice.name
  return choice.type === 'none' ? 'none' : 'auto'
}

const EFFORTS: Readonly<Record<string, string>> = { low: 'low', medium: 'medium', high: 'high', xhigh: 'xhigh', max: 'xhigh' }

function readEffort({ output_config: config }: JsonObject): string | undefined {
  return isRecord(config) && typeof config.effort === 'string' ? EFFORTS[config.effort] : undefined
}

/**
 * Claude Code names its session in `metadata.user_id`, as JSON or as `…_session_UUID`. A plain user id is no name of a
 * conversation: all of that user's conversations would share one cache key.
 */
function readConversation({ metadata }: JsonObject): string | undefined {
  const user = isRecord(metadata) ? readString(metadata, 'user_id') : undefined
  const told = user === undefined ? undefined : parseJson(user)
  const session = isRecord(told) ? readString(told, 'session_id') : /_session_([\w-]+)$/.exec(user ?? '')?.[1]
  return session === undefined ? undefined : shortHash(session)
}
