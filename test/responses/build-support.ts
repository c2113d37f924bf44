/** What the tests of the build half share: inputs, and a judge of payloads that knows none of the code it judges. */
import type { ChatRequest, JsonObject, LaneName, Message } from '../../src/contract/index.js'
import { buildRequest, serializeRequest, type BuildInput, type BuiltRequest, type ConversationCache } from '../../src/responses/index.js'

export const PROVENANCE = { account: 'a1b2', lane: 'codex', model_family: 'gpt-5.5' }
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='


export interface InputChanges {
  model?: Partial<BuildInput['model']>
  settings?: Partial<BuildInput['settings']>
  lane?: LaneName
  cacheKey?: string
  cache?: ConversationCache
  provenance?: BuildInput['provenance']
}

export function makeInput(request: Partial<ChatRequest>, changes: InputChanges = {}): BuildInput {
  return {
    request: { messages: [{ role: 'user', content: 'hi' }], ...request },
    model: {
      slug: 'gpt-5.5', reasons: true, supportsVerbosity: true, supportsReasoningSummary: true, acceptsImages: true,
      ...changes.model,
    },
    settings: { extraRequestParams: {}, ...changes.settings },
    lane: changes.lane ?? 'codex',
    provenance: changes.provenance ?? PROVENANCE,
    ...(changes.cacheKey === undefined ? {} : { cacheKey: changes.cacheKey }),
  }
}

export function build(request: Partial<ChatRequest>, changes: InputChanges = {}): BuiltRequest {
  return buildRequest(makeInput(request, changes), changes.cache)
}

/** The input of these messages as the wire would read it. */
export function itemsOf(messages: Message[], changes: InputChanges = {}): JsonObject[] {
  return parseItems(build({ messages }, changes))
}

export function parseItems(built: BuiltRequest): JsonObject[] {
  return built.items.map((text) => JSON.parse(text) as JsonObject)
}

export function payloadOf(built: BuiltRequest): JsonObject {
  return JSON.parse(serializeRequest(built)) as JsonObject
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const field of Object.values(value)) deepFreeze(field)
  }
  return value
}

const OUTPUT_OF: Record<string, string> = {
  function_call: 'function_call_output', custom_tool_call: 'custom_tool_call_output',
}

/** What the backend would refuse in an input, in words; written from the wire's rules alone. */
export function judgeItems(items: readonly JsonObject[]): string[] {
  const problems: string[] = []
  const waiting = new Map<string, string>()
  const calls = new Set<string>()
  const reasoning = new Set<string>()
  items.forEach((item, index) => {
    const say = (what: string) => problems.push(`input[${index}]: ${what}`)
    const type = String(item['type'])
    const callId = item['call_id']
    switch (type) {
      case 'message':
        judgeMessage(item, say)
        if (item['role'] !== 'assistant' && waiting.size > 0) say(`comes before the output of ${[...waiting.keys()].join()}`)
        return
      case 'reasoning':
        if (typeof item['encrypted_content'] !== 'string' || item['encrypted_content'] === '') say('reasoning without encrypted content')
        if (!Array.isArray(item['summary'])) say('reasoning without summary')
        if (typeof item['id'] === 'string' && reasoning.has(item['id'])) say(`duplicate item ${item['id']}`)
        if (typeof item['id'] === 'string') reasoning.add(item['id'])
        return
      case 'function_call':
      case 'custom_tool_call': {
        if (typeof callId !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(callId)) return say(`call_id ${JSON.stringify(callId)}`)
        if (calls.has(callId)) say(`call_id ${callId} used twice`)
        calls.add(callId)
        waiting.set(callId, OUTPUT_OF[type] ?? '')
        if (!/^[A-Za-z0-9_-]{1,128}$/.test(String(item['name']))) say(`name ${JSON.stringify(item['name'])}`)
        if (typeof item[type === 'function_call' ? 'arguments' : 'input'] !== 'string') say('its input is no text')
        if (type === 'function_call' && typeof JSON.parse(String(item['arguments'])) !== 'object') say('arguments are no object')
        return
      }
      case 'function_call_output':
      case 'custom_tool_call_output':
        if (waiting.get(String(callId)) !== type) say(`no call waits for ${type} ${String(callId)}`)
        waiting.delete(String(callId))
        if (typeof item['output'] !== 'string' && !Array.isArray(item['output'])) say('output is neither text nor a list')
        return
      default:
        say(`type ${type}`)
    }
  })
  if (waiting.size > 0) problems.push(`no output for ${[...waiting.keys()].join()}`)
  return problems
}

function judgeMessage(item: JsonObject, say: (what: string) => void): void {
  const { role, content } = item
  if (!['user', 'assistant', 'developer'].includes(String(role))) say(`role ${String(role)}`)
  if (!Array.isArray(content) || content.length === 0) return say('a message without content')
  const allowed = role === 'assistant' ? ['output_text'] : ['input_text', 'input_image']
  for (const part of content as JsonObject[]) if (!allowed.includes(String(part['type']))) say(`a ${String(part['type'])} part`)
}
