import type { LanguageModelV3CallOptions, SharedV3Warning } from '@ai-sdk/provider'
import type { ChatRequest, JsonObject, ToolSpec } from '../contract/index.js'
import { defined, isRecord, readString } from '../lib/index.js'
import { buildMessages } from './build-messages.js'
import { readOurs } from './metadata.js'

export interface RequestTerms {
  /** undefined for a role, whose model is not known yet */
  model?: string
  lane: string
}

export interface BuiltCall {
  request: ChatRequest
  warnings: SharedV3Warning[]
  interactive: boolean
}

/** Our `providerOptions` to the request's fields. */
const OPTION_FIELDS: Readonly<Record<string, string>> = {
  reasoningEffort: 'reasoning_effort', conversationId: 'conversation_id', verbosity: 'verbosity', textVerbosity: 'verbosity',
  serviceTier: 'service_tier', parallelToolCalls: 'parallel_tool_calls', timeoutSeconds: 'timeout', promptCacheKey: 'prompt_cache_key',
}
const OTHER_OPTIONS = new Set(['reasoningSummary', 'strictJsonSchema', 'interactive'])

/** Settings that no lane takes. */
const NEVER = ['stopSequences', 'seed', 'topK', 'presencePenalty', 'frequencyPenalty'] as const
/** Settings that only the metered lane takes, and their fields there. */
const METERED = { temperature: 'temperature', topP: 'top_p', maxOutputTokens: 'max_output_tokens' } as const

/** @throws UnsupportedFunctionalityError for what the prompt may not hold */
export function buildRequest(options: LanguageModelV3CallOptions, { model, lane }: RequestTerms): BuiltCall {
  const warnings: SharedV3Warning[] = []
  const own = readOurs(options.providerOptions)
  const tools = buildTools(options, warnings)
  const request: ChatRequest = {
    messages: buildMessages(options.prompt),
    ...defined({ model }),
    ...buildSettings(options, lane, warnings),
    ...(tools.length === 0 ? {} : { tools }),
    ...(options.toolChoice && tools.length > 0 ? { tool_choice: buildToolChoice(options.toolChoice) } : {}),
    ...buildFormat(options.responseFormat, own),
    ...readEffort(options),
    ...buildOwnFields(own, warnings),
  }
  return { request, warnings, interactive: own['interactive'] === true }
}

function buildSettings(options: LanguageModelV3CallOptions, lane: string, warnings: SharedV3Warning[]): JsonObject {
  const leaveOut = (feature: string, details: string) => void warnings.push({ type: 'unsupported', feature, details })
  for (const feature of NEVER) {
    const value = options[feature]
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) leaveOut(feature, 'left out: the Responses protocol takes no such setting')
  }
  const fields: JsonObject = {}
  for (const [feature, field] of Object.entries(METERED)) {
    const value = options[feature as keyof typeof METERED]
    if (value === undefined) continue
    if (lane === 'api_key') fields[field] = value
    else leaveOut(feature, 'left out: a ChatGPT sign-in takes no such setting')
  }
  return fields
}

function buildTools({ tools = [] }: LanguageModelV3CallOptions, warnings: SharedV3Warning[]): ToolSpec[] {
  return tools.flatMap((tool): ToolSpec[] => {
    if (tool.type !== 'function') {
      warnings.push({ type: 'unsupported', feature: `provider tool ${tool.id}`, details: 'left out' })
      return []
    }
    const { name, description, inputSchema, strict } = tool
    return [{
      name,
      parameters: { ...inputSchema },
      ...defined({ description, strict }),
    }]
  })
}

function buildToolChoice(choice: NonNullable<LanguageModelV3CallOptions['toolChoice']>): string | JsonObject {
  return choice.type === 'tool' ? { type: 'function', name: choice.toolName } : choice.type
}

function buildFormat(format: LanguageModelV3CallOptions['responseFormat'], own: JsonObject): Pick<ChatRequest, 'response_format'> {
  if (format?.type !== 'json') return {}
  if (!format.schema) return { response_format: { type: 'json' } }
  const schema: JsonObject = { ...format.schema }
  const wanted = own['strictJsonSchema']
  const strict = typeof wanted === 'boolean' ? wanted : isStrict(schema)
  return { response_format: { type: 'json_schema', schema, strict, ...defined({ name: format.name }) } }
}

/** Strict mode refuses an object that is open or has optional keys, and the whole request with it. */
function isStrict(schema: unknown): boolean {
  if (Array.isArray(schema)) return (schema as unknown[]).every(isStrict)
  if (!isRecord(schema)) return true
  const { properties } = schema
  if (isRecord(properties)) {
    const required = new Set(Array.isArray(schema['required']) ? schema['required'].map(String) : [])
    if (schema['additionalProperties'] !== false || !Object.keys(properties).every((key) => required.has(key))) return false
    if (!Object.values(properties).every(isStrict)) return false
  } else if (schema['type'] === 'object') return false
  return ['items', 'anyOf', 'oneOf', 'allOf', '$defs', 'definitions'].every((key) => {
    const inner = schema[key]
    return isStrict(isRecord(inner) && key !== 'items' ? Object.values(inner) : inner)
  })
}

/** Version 4 of the interface has a setting for it; version 3 only `providerOptions`. */
function readEffort(options: object): Pick<ChatRequest, 'reasoning_effort'> {
  const effort = 'reasoning' in options ? options.reasoning : undefined
  return typeof effort === 'string' && effort !== 'provider-default' ? { reasoning_effort: effort } : {}
}

function buildOwnFields(own: JsonObject, warnings: SharedV3Warning[]): JsonObject {
  const fields: JsonObject = {}
  for (const [name, value] of Object.entries(own)) {
    const field = Object.hasOwn(OPTION_FIELDS, name) ? OPTION_FIELDS[name] : undefined
    if (field !== undefined) fields[field] = value
    else if (!OTHER_OPTIONS.has(name)) warnings.push({ type: 'other', message: `providerOptions: ${name} is no option of this provider` })
  }
  const summary = readString(own, 'reasoningSummary')
  return summary === undefined ? fields : { ...fields, reasoning: { summary } }
}
