/** Which fields each lane takes, and how it says no. */
import { isRecord } from '../lib/index.js'
import { detailRefusal, errorRefusal, type Refusal } from './refusal.js'
import type { Lane } from './token-ledger.js'

const SHARED = [
  'model', 'instructions', 'input', 'tools', 'tool_choice', 'parallel_tool_calls', 'reasoning', 'store', 'stream',
  'stream_options', 'include', 'service_tier', 'prompt_cache_key', 'text', 'client_metadata',
]
/** Only in `response.create` frames; over HTTP door 1 refuses them. */
const FRAME_ONLY = ['type', 'previous_response_id', 'generate']
const PUBLIC_API = [
  ...SHARED, 'background', 'conversation', 'max_output_tokens', 'max_tool_calls', 'metadata', 'moderation', 'prompt',
  'prompt_cache_retention', 'safety_identifier', 'temperature', 'top_logprobs', 'top_p', 'truncation', 'user', 'previous_response_id',
]

const ALLOWED: Record<Lane, ReadonlySet<string>> = {
  codex: new Set([...SHARED, 'access_programs', 'context_management']),
  plan: new Set(SHARED),
  api_key: new Set([...PUBLIC_API, 'context_management']),
}

/** The models of door 1 that were seen to compact within an answer. */
const COMPACTS_INLINE = /^gpt-(?:5\.6|6-astra)(?:-|$)/
const LEAST_THRESHOLD = 1000
const PLAN_TOOLS = new Set(['function', 'custom', 'namespace', 'web_search'])

/** A capability that the documented plan usage does not have. */
export function refuseCapability(param: string, message: string): Refusal {
  return detailRefusal(400, { code: 'subscription_sharing_unsupported_capability', message, param })
}

/** The first field that the lane does not take. */
export function checkFieldNames(body: Record<string, unknown>, lane: Lane, transport: 'http' | 'websocket'): Refusal | undefined {
  for (const name of Object.keys(body)) {
    if (ALLOWED[lane].has(name)) continue
    if (transport === 'websocket' && FRAME_ONLY.includes(name)) continue
    if (lane === 'codex') return detailRefusal(400, `Unsupported parameter: ${name}`)
    if (lane === 'plan') return refuseCapability(name, `The parameter ${name} is not supported with plan usage.`)
    return errorRefusal(400, { message: `Unknown parameter: '${name}'.`, param: name, code: 'unknown_parameter' })
  }
  return undefined
}

/** `context_management: [{type: 'compaction', compact_threshold}]`, one entry, of the models that take it. */
export function checkContextManagement(value: unknown, model: string, lane: Lane): Refusal | undefined {
  if (value === undefined || value === null) return undefined
  if (lane === 'codex' && !COMPACTS_INLINE.test(model)) return detailRefusal(400, 'Unsupported parameter: context_management')
  const wrong = (param: string, code = 'invalid_value') => errorRefusal(400, { message: `Invalid value for '${param}'.`, param, code })
  if (!Array.isArray(value) || value.length !== 1) return wrong('context_management', 'invalid_type')
  const [entry] = value as unknown[]
  if (!isRecord(entry) || entry['type'] !== 'compaction') return wrong('context_management[0].type')
  const threshold = entry['compact_threshold']
  return typeof threshold === 'number' && Number.isInteger(threshold) && threshold >= LEAST_THRESHOLD ? undefined : wrong('context_management[0].compact_threshold')
}

export function checkToolType(type: unknown, index: number, lane: Lane): Refusal | undefined {
  if (lane !== 'plan' || (typeof type === 'string' && PLAN_TOOLS.has(type))) return undefined
  return refuseCapability(`tools[${index}].type`, `Tools of type ${String(type)} are not supported with plan usage.`)
}

/** How a lane refuses what it wants otherwise: a plain `detail` on door 1, a capability on the plan lane. */
export function refuseValue(lane: Lane, text: string, param: string): Refusal {
  if (lane === 'codex') return detailRefusal(400, text)
  if (lane === 'plan') return refuseCapability(param, text)
  return errorRefusal(400, { message: text, param, code: 'invalid_value' })
}

export function refuseModel(slug: string, lane: Lane, status: 400 | 404): Refusal {
  if (lane === 'codex') return detailRefusal(status, `The '${slug}' model is not supported when using Codex with a ChatGPT account.`)
  if (lane === 'plan') return refuseCapability('model', `The model ${slug} is not available with plan usage.`)
  return errorRefusal(404, { message: `The model \`${slug}\` does not exist or you do not have access to it.`, code: 'model_not_found' })
}
