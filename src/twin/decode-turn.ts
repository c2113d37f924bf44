/** From a request's JSON to a turn, or to the refusal the backend gives. Pure. */
import { isRecord } from '../lib/index.js'
import type { TwinBehaviour } from './behaviour.js'
import { checkContextManagement, checkFieldNames, refuseModel, refuseValue } from './lanes.js'
import type { ModelShelf, WireModel } from './models.js'
import { detailRefusal, errorRefusal, type Refusal } from './refusal.js'
import { decodeTools, type OfferedTool } from './request-tools.js'
import type { Lane } from './token-ledger.js'

export interface Turn {
  lane: Lane
  model: WireModel
  instructions: string | undefined
  /** as sent; a continuation's are only the new ones */
  input: Record<string, unknown>[]
  tools: OfferedTool[]
  /** the raw request */
  body: Record<string, unknown>
  /** undefined where the request asks for no reasoning */
  effort: string | undefined
  summary: string | undefined
  includesEncrypted: boolean
  previousResponseId: string | undefined
  /** input tokens from which on the server compacts within the answer */
  compactThreshold: number | undefined
  warmup: boolean
  stream: boolean
  store: boolean
}

export interface DecodeRules {
  lane: Lane
  transport: 'http' | 'websocket'
  models: ModelShelf
  behaviour: TwinBehaviour
}

const MAX_CACHE_KEY = 64
const INCLUDES = new Set([
  'reasoning.encrypted_content', 'message.input_image.image_url', 'message.output_text.logprobs', 'web_search_call.action.sources',
  'web_search_call.results', 'code_interpreter_call.outputs', 'computer_call_output.output.image_url', 'file_search_call.results',
])

export function decodeTurn(value: unknown, rules: DecodeRules): Turn | Refusal {
  const { lane } = rules
  if (!isRecord(value)) {
    return lane === 'codex' ? detailRefusal(400, 'Bad Request') : errorRefusal(400, { message: 'We could not parse the JSON body of your request.' })
  }
  const model = typeof value['model'] === 'string' ? rules.models.find(value['model']) : undefined
  const problem = checkFieldNames(value, lane, rules.transport) ?? checkModel(value, model, rules) ?? checkMode(value, rules) ?? checkTypes(value) ??
    checkReasoning(value, model) ?? checkText(value, model) ?? checkSmall(value, rules) ??
    checkContextManagement(value['context_management'], String(value['model']), lane)
  if (problem) return problem
  const tools = decodeTools(value, lane)
  if ('status' in tools) return tools
  const input = readInput(value)
  const reasoning = isRecord(value['reasoning']) ? value['reasoning'] : undefined
  const effort = reasoning && typeof reasoning['effort'] === 'string' ? reasoning['effort'] : undefined
  const summary = reasoning && typeof reasoning['summary'] === 'string' ? reasoning['summary'] : undefined
  const include: unknown[] = Array.isArray(value['include']) ? value['include'] : []
  if (!model) return refuseModel(String(value['model']), lane, rules.behaviour.unknownModelStatus)
  return {
    lane, model, body: value, input, tools: tools.offered, summary,
    instructions: typeof value['instructions'] === 'string' ? value['instructions'] : undefined,
    effort: effort ?? (reasoning ? defaultEffort(model) : undefined),
    includesEncrypted: include.includes('reasoning.encrypted_content'),
    previousResponseId: typeof value['previous_response_id'] === 'string' ? value['previous_response_id'] : undefined,
    compactThreshold: readThreshold(value['context_management']),
    warmup: value['generate'] === false,
    stream: value['stream'] === true || rules.transport === 'websocket',
    store: value['store'] !== false,
  }
}

function readThreshold(value: unknown): number | undefined {
  const [entry] = Array.isArray(value) ? (value as unknown[]) : []
  return isRecord(entry) && typeof entry['compact_threshold'] === 'number' ? entry['compact_threshold'] : undefined
}

function defaultEffort(model: WireModel): string | undefined {
  const effort = model.entry['default_reasoning_level']
  return typeof effort === 'string' ? effort : undefined
}

function readInput(body: Record<string, unknown>): Record<string, unknown>[] {
  const { input } = body
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }]
  return Array.isArray(input) ? input.map((item: unknown) => (isRecord(item) ? item : { type: item })) : []
}

function checkModel(body: Record<string, unknown>, model: WireModel | undefined, rules: DecodeRules): Refusal | undefined {
  const { lane, behaviour } = rules
  if (typeof body['model'] !== 'string' || body['model'] === '') {
    return lane === 'codex' ? detailRefusal(400, 'Model is required') : errorRefusal(400, { message: "Missing required parameter: 'model'.", param: 'model', code: 'missing_required_parameter' })
  }
  if (!model) return refuseModel(body['model'], lane, behaviour.unknownModelStatus)
  const hidden = (lane === 'plan' && !model.visible) || (lane === 'api_key' && model.entry['supported_in_api'] === false)
  return hidden ? refuseModel(model.slug, lane, behaviour.unknownModelStatus) : undefined
}

/** store, stream, instructions and input: what every lane has its own mind about. */
function checkMode(body: Record<string, unknown>, rules: DecodeRules): Refusal | undefined {
  const { lane, transport, behaviour } = rules
  const { input } = body
  const items: unknown[] = Array.isArray(input) ? input : []
  if (lane !== 'api_key') {
    const lite = isRecord(items[0]) && items[0]['type'] === 'additional_tools'
    if (lane === 'codex' && behaviour.missingInstructions === 'refuse' && typeof body['instructions'] !== 'string' && !lite) return detailRefusal(400, 'Instructions are required')
    if (body['store'] !== false) return refuseValue(lane, 'Store must be set to false', 'store')
    if (body['stream'] !== true && !(transport === 'websocket' && lane === 'plan')) return refuseValue(lane, 'Stream must be set to true', 'stream')
    if (!Array.isArray(input)) return refuseValue(lane, 'Input must be a list', 'input')
  } else if (typeof input !== 'string' && !Array.isArray(input)) {
    return errorRefusal(400, { message: 'One of "input" or "previous_response_id" or \'prompt\' or \'conversation_id\' must be provided.', param: 'input', code: 'missing_required_parameter' })
  }
  const continues = body['generate'] === false || typeof body['previous_response_id'] === 'string'
  if (!continues && (input === '' || (Array.isArray(input) && input.length === 0))) {
    return errorRefusal(400, { message: 'One of "input" or "previous_response_id" must be provided.', param: 'input', code: 'missing_required_parameter' })
  }
  return undefined
}

function checkReasoning(body: Record<string, unknown>, model: WireModel | undefined): Refusal | undefined {
  const { reasoning } = body
  if (!isRecord(reasoning) || !model) return undefined
  const { effort, summary } = reasoning
  if (model.efforts.length === 0) {
    return errorRefusal(400, { message: "Unsupported parameter: 'reasoning.effort' is not supported with this model.", param: 'reasoning.effort', code: 'unsupported_parameter' })
  }
  if (effort !== undefined && effort !== null && !(typeof effort === 'string' && model.efforts.includes(effort))) {
    const supported = model.efforts.map((each) => `'${each}'`).join(', ')
    return errorRefusal(400, {
      message: `Unsupported value: '${String(effort)}' is not supported with the '${model.slug}' model. Supported values are: ${supported}.`,
      param: 'reasoning.effort', code: 'unsupported_value',
    })
  }
  if (summary !== undefined && summary !== null && !['auto', 'concise', 'detailed'].includes(String(summary))) {
    return errorRefusal(400, {
      message: `Invalid value: '${String(summary)}'. Supported values are: 'concise', 'detailed', and 'auto'.`, param: 'reasoning.summary', code: 'invalid_value',
    })
  }
  return undefined
}

function checkText(body: Record<string, unknown>, model: WireModel | undefined): Refusal | undefined {
  const { text } = body
  if (!isRecord(text) || !model) return undefined
  const { verbosity, format } = text
  if (verbosity !== undefined && verbosity !== null) {
    if (!['low', 'medium', 'high'].includes(String(verbosity))) {
      return errorRefusal(400, { message: `Invalid value: '${String(verbosity)}'. Supported values are: 'low', 'medium', and 'high'.`, param: 'text.verbosity', code: 'invalid_value' })
    }
    if (!model.supportsVerbosity) {
      return errorRefusal(400, { message: `Unsupported parameter: 'text.verbosity' is not supported with the '${model.slug}' model.`, param: 'text.verbosity', code: 'unsupported_parameter' })
    }
  }
  if (!isRecord(format) || format['type'] !== 'json_schema') return undefined
  for (const key of ['name', 'schema']) {
    if (format[key] === undefined) return errorRefusal(400, { message: `Missing required parameter: 'text.format.${key}'.`, param: `text.format.${key}`, code: 'missing_required_parameter' })
  }
  return undefined
}

/** What has one type and nothing more to it; null counts as absent. */
const TYPES: Record<string, (value: unknown) => boolean> = {
  tools: Array.isArray, include: Array.isArray, text: isRecord, reasoning: isRecord, stream_options: isRecord,
  parallel_tool_calls: (value) => typeof value === 'boolean', prompt_cache_key: (value) => typeof value === 'string',
  service_tier: (value) => typeof value === 'string', generate: (value) => typeof value === 'boolean',
  client_metadata: (value) => isRecord(value) && Object.values(value).every((each) => typeof each === 'string'),
}

function checkTypes(body: Record<string, unknown>): Refusal | undefined {
  const wrong = Object.entries(TYPES).find(([name, fits]) => body[name] !== undefined && body[name] !== null && !fits(body[name]))
  return wrong && errorRefusal(400, { message: `Invalid type for '${wrong[0]}'.`, param: wrong[0], code: 'invalid_type' })
}

function checkSmall(body: Record<string, unknown>, rules: DecodeRules): Refusal | undefined {
  const { service_tier: tier, include, prompt_cache_key: cacheKey } = body
  if (typeof tier === 'string' && tier !== 'priority' && rules.lane !== 'api_key' && (tier !== 'default' || rules.behaviour.defaultServiceTier === 'refuse')) {
    return refuseValue(rules.lane, `Unsupported service_tier: ${tier}`, 'service_tier')
  }
  const unknown = Array.isArray(include) ? include.find((word: unknown) => !(typeof word === 'string' && INCLUDES.has(word))) : undefined
  if (unknown !== undefined) return errorRefusal(400, { message: `Invalid value: '${String(unknown)}'.`, param: 'include', code: 'invalid_value' })
  if (typeof cacheKey === 'string' && cacheKey.length > MAX_CACHE_KEY) {
    return errorRefusal(400, {
      message: `Invalid 'prompt_cache_key': string too long. Expected a string with maximum length ${MAX_CACHE_KEY}, but got a string with length ${cacheKey.length} instead.`,
      param: 'prompt_cache_key', code: 'string_above_max_length',
    })
  }
  return undefined
}
