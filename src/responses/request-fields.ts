import { InvalidRequestError, toWireEffort, type JsonObject, type ResponseFormat } from '../contract/index.js'
import { isRecord, readString, shortHash } from '../lib/index.js'
import type { BuildInput } from './request-types.js'
import { judgeField, toWireTier } from './lane-rules.js'
import { takeJson } from './take-json.js'
import { buildToolChoice, type ToolDefinitions } from './tool-definitions.js'

export interface RequestFields {
  /** every field of the payload but input, in the order in which they are written */
  fields: JsonObject
  leftOut: string[]
  /** what is sent otherwise than it was asked for, in words */
  changed: string[]
}

/** Fields of the contract's request that are no wire field, or that become one under another name. */
const CONTRACT_FIELDS = new Set([
  'messages', 'tools', 'response_format', 'conversation_id', 'stream', 'metadata', 'model', 'tool_choice',
  'reasoning_effort', 'timeout', 'verbosity',
])
/** Built here field by field; settings add to them and don't replace them. */
const COMPOSED = new Set(['tools', 'reasoning', 'text', 'include'])
/** The API's limit for the key. */
const MAX_CACHE_KEY = 64

/**
 * Everything of the payload but its input. What the lane refuses is left out and named in `leftOut`.
 * The request and the model decide first, `extraRequestParams` after them, our defaults last.
 * @throws InvalidRequestError for a tool choice that names no tool, a schema that is missing
 */
export function buildFields(input: BuildInput, instructions: string, tools: ToolDefinitions): RequestFields {
  const { request, model, lane } = input
  const leftOut: string[] = [...tools.leftOut]
  const changed: string[] = []
  const extra = filterFields(input, leftOut)
  const definitions = [...tools.tools, ...readList(extra['tools'])]
  const tier = model.serviceTier === undefined ? undefined : toWireTier(lane, model.serviceTier)
  if (model.serviceTier !== undefined && tier === undefined) leftOut.push(`service_tier (${model.serviceTier})`)
  const scalars = Object.fromEntries(Object.entries(extra).filter(([name]) => !COMPOSED.has(name)))
  const fields: JsonObject = {
    model: model.slug,
    instructions,
    // The same array as long as nothing is added, so that its text need not be written again.
    ...(definitions.length > 0 && { tools: definitions.length === tools.tools.length ? tools.tools : definitions }),
    ...(definitions.length === 0 && tools.item === undefined && request.tool_choice == null ? {} : { tool_choice: buildToolChoice(request.tool_choice, tools) }),
    parallel_tool_calls: true,
    ...buildReasoning(input, extra, { leftOut, changed }),
    ...buildText(input, extra, leftOut),
    store: false,
    stream: true,
    ...buildInclude(input, extra),
    ...(input.cacheKey !== undefined && { prompt_cache_key: toCacheKey(input.cacheKey) }),
    ...scalars,
    ...(input.compactThreshold !== undefined && { context_management: [{ type: 'compaction', compact_threshold: input.compactThreshold }] }),
    ...(request.tool_choice != null && { tool_choice: buildToolChoice(request.tool_choice, tools) }),
    ...(tier !== undefined && { service_tier: tier }),
  }
  if (scalars['service_tier'] !== undefined && tier === undefined) filterTier(input, fields, leftOut)
  return { fields, leftOut: [...new Set(leftOut)], changed }
}

/** Settings and the request's own further fields, without what may not be sent. */
function filterFields({ request, settings, lane }: BuildInput, leftOut: string[]): JsonObject {
  const kept: JsonObject = {}
  for (const [name, value] of Object.entries(settings.extraRequestParams)) {
    const verdict = judgeField(lane, name)
    if (verdict === 'refused' || verdict === 'protected') leftOut.push(name)
    // A field that nobody knows is what this setting is for: it may be newer than this module.
    else if (value !== undefined) kept[name] = value
  }
  for (const [name, value] of Object.entries(request)) {
    if (CONTRACT_FIELDS.has(name) || value === undefined || value === null) continue
    if (Array.isArray(value) && value.length === 0) continue
    const verdict = judgeField(lane, name)
    if (verdict === 'refused') leftOut.push(name)
    else if (verdict === 'allowed') kept[name] = value
  }
  return copyJson(kept)
}

/** @throws InvalidRequestError */
function copyJson(value: JsonObject): JsonObject {
  return takeJson(value, () => `a request parameter (one of ${Object.keys(value).slice(0, 20).join(', ')})`)
}

function filterTier({ lane }: BuildInput, fields: JsonObject, leftOut: string[]): void {
  const wanted = String(fields['service_tier'])
  const tier = toWireTier(lane, wanted)
  if (tier !== undefined) fields['service_tier'] = tier
  else {
    delete fields['service_tier']
    leftOut.push(`service_tier (${wanted})`)
  }
}

function buildReasoning({ model, settings }: BuildInput, extra: JsonObject, { leftOut, changed }: Pick<RequestFields, 'leftOut' | 'changed'>): JsonObject {
  const wanted = readRecord(extra['reasoning'])
  if (!model.reasons) {
    if (model.effort !== undefined || Object.keys(wanted).length > 0) leftOut.push('reasoning')
    return {}
  }
  const reasoning: JsonObject = { ...wanted }
  if (model.effort !== undefined) reasoning['effort'] = toWireEffort(model.effort)
  const effort = reasoning['effort']
  if (typeof effort === 'string' && raisesEffort(model.slug, effort)) {
    reasoning['effort'] = 'medium'
    changed.push(`reasoning_effort ${effort} is raised to medium: ${model.slug} refuses less`)
  }
  const summary = settings.reasoningSummary
  if (summary !== undefined && summary !== '' && summary !== 'none' && reasoning['summary'] === undefined) {
    if (model.supportsReasoningSummary) reasoning['summary'] = summary
  }
  return Object.keys(reasoning).length === 0 ? {} : { reasoning }
}

/** gpt-5.5-pro refuses efforts below medium; a call is worth more than a refusal. */
function raisesEffort(slug: string, effort: string): boolean {
  return /^gpt-5\.5-pro(?:-|$)/.test(slug) && /^(?:none|minimal|low)$/.test(effort)
}

function buildText({ request, model, settings }: BuildInput, extra: JsonObject, leftOut: string[]): JsonObject {
  const text: JsonObject = { ...readRecord(extra['text']) }
  const verbosity = readString(request, 'verbosity') ?? text['verbosity'] ?? settings.textVerbosity
  delete text['verbosity']
  if (typeof verbosity === 'string' && verbosity !== '') {
    if (model.supportsVerbosity) text['verbosity'] = verbosity
    else leftOut.push('verbosity')
  }
  const format = buildFormat(request.response_format)
  if (format !== undefined) text['format'] = format
  return Object.keys(text).length === 0 ? {} : { text }
}

function buildFormat(format: ResponseFormat | null | undefined): JsonObject | undefined {
  if (!isRecord(format)) return undefined
  if (format.type === 'json') return { type: 'json_object' }
  if (format.type !== 'json_schema') return undefined
  const given = format.schema ?? format.json_schema
  if (!isRecord(given)) throw new InvalidRequestError('response_format json_schema has no schema', { code: 'invalid_response_format' })
  // The older API wraps the schema together with its name and strictness.
  const wrapped = isRecord(given['schema']) ? given : undefined
  const schema = copyJson(isRecord(wrapped?.['schema']) ? wrapped['schema'] : given)
  const name = format.name ?? wrapped?.['name'] ?? schema['title']
  const strict = format.strict ?? wrapped?.['strict']
  return { type: 'json_schema', name: toFormatName(name), schema, strict: strict === true }
}

function toFormatName(name: unknown): string {
  const text = typeof name === 'string' ? name.replaceAll(/[^A-Za-z0-9_-]+/g, '_').slice(0, 64) : ''
  return text === '' ? 'response' : text
}

/** Encrypted reasoning is asked for where there can be any: other models refuse the request for it. */
function buildInclude({ model }: BuildInput, extra: JsonObject): JsonObject {
  const ours = model.reasons ? ['reasoning.encrypted_content'] : []
  const include = [...new Set([...ours, ...readList(extra['include'])])]
  return include.length === 0 ? {} : { include }
}

function toCacheKey(key: string): string {
  return key.length <= MAX_CACHE_KEY ? key : shortHash(key)
}

function readRecord(value: unknown): JsonObject {
  return isRecord(value) ? value : {}
}

function readList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
