/**
 * Which fields of a request each lane takes. `refused` ones answer 400 for the whole request, so
 * they are left out and reported; `unknown` ones are sent as they are: the owner of the setting
 * that names them answers for them.
 */
import { LANE_NAMES, laneRow, wireTierOf, type LaneName } from '../contract/index.js'

export type FieldVerdict = 'allowed' | 'refused' | 'protected' | 'unknown'

/** What a request is made of: settings may not touch these on any lane. */
const PROTECTED = new Set([
  'store', 'stream', 'input', 'messages', 'model', 'instructions', 'type', 'previous_response_id', 'generate',
])

const COMMON = [
  'tools', 'tool_choice', 'parallel_tool_calls', 'reasoning', 'stream_options', 'include', 'service_tier',
  'prompt_cache_key', 'text', 'client_metadata',
]

/** Fields that no lane takes: they are another API's, or need an answer that the server stores. */
const FOREIGN = [
  'stop', 'seed', 'n', 'presence_penalty', 'frequency_penalty', 'logit_bias', 'logprobs', 'max_tokens',
  'max_completion_tokens', 'response_format', 'reasoning_effort', 'background', 'conversation',
]

/** What only the metered API takes. */
const API_ONLY = [
  'max_output_tokens', 'temperature', 'top_p', 'top_logprobs', 'metadata', 'max_tool_calls', 'truncation', 'user',
  'safety_identifier', 'prompt_cache_retention', 'prompt_cache_options', 'prompt', 'moderation', 'multi_agent',
]

const FIELDS: ReadonlyMap<LaneName, Record<'allowed' | 'refused', ReadonlySet<string>>> = new Map(LANE_NAMES.map((lane) => {
  const { billing, takesFields, refusesFields } = laneRow(lane)
  const metered = billing === 'metered'
  const allowed = new Set([...COMMON, ...takesFields, ...(metered ? API_ONLY : [])])
  const refused = new Set([...FOREIGN, ...refusesFields, ...(metered ? [] : API_ONLY)])
  return [lane, { allowed, refused }] as const
}))

export function judgeField(lane: LaneName, field: string): FieldVerdict {
  if (PROTECTED.has(field)) return 'protected'
  const fields = FIELDS.get(lane)
  if (fields?.refused.has(field)) return 'refused'
  return fields?.allowed.has(field) ? 'allowed' : 'unknown'
}

/**
 * The tier as the lane takes it, `undefined` where it would refuse it. The published client's `fast`
 * is `priority` on the wire, and the only tier that both sign-in lanes are known to take.
 */
export function toWireTier(lane: LaneName, tier: string): string | undefined {
  const wire = wireTierOf(tier)
  return laneRow(lane).billing === 'metered' || wire === 'priority' ? wire : undefined
}

export function takesTool(lane: LaneName, toolType: string): boolean {
  return !laneRow(lane).refusesTools.includes(toolType)
}
