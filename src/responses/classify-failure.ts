/**
 * What kind of failure it is: first by the wire's own code, then by what its prose says (the last
 * resort: several refusals come as `{"detail": "text"}` alone), then by its status.
 */
import { FAILURE_TABLE, type FailureClass, type FailureRow } from './failure-table.js'
import type { FailureFacts } from './read-failure-facts.js'

const ROWS = Object.entries(FAILURE_TABLE) as [FailureClass, FailureRow][]
const BY_CODE: ReadonlyMap<string, FailureClass> = new Map(ROWS.flatMap(([failureClass, { codes = [] }]) => codes.map((code) => [code, failureClass] as const)))
const BY_STATUS: ReadonlyMap<number, FailureClass> = new Map(ROWS.flatMap(([failureClass, { statuses = [] }]) => statuses.map((status) => [status, failureClass] as const)))

interface ProseRule {
  /** lower-case prose */
  words: RegExp
  failureClass: FailureClass
  /** statuses for which the words mean this; a failure without a status always passes */
  statuses: (status: number) => boolean
}

const refusal = (status: number) => status >= 400 && status < 500 && status !== 429
const any = () => true
const only = (...statuses: number[]) => (status: number) => statuses.includes(status)

/** In order: what names one precise thing stands before what a longer text might mention by the way. */
const BY_PROSE: readonly ProseRule[] = [
  { words: /missing scopes?\b/, failureClass: 'missing_scopes', statuses: only(400, 401, 403) },
  { words: /previous[ _]response\b.{0,160}not[ _]found/, failureClass: 'previous_response_not_found', statuses: refusal },
  { words: /websocket[ _]connection[ _]limit/, failureClass: 'connection_limit', statuses: any },
  { words: /no tool output found/, failureClass: 'no_tool_output', statuses: refusal },
  { words: /no tool call found/, failureClass: 'no_tool_call', statuses: refusal },
  { words: /encrypted[ _]content\b.{0,200}(?:could not|couldn't|can(?:no|')t|not supported|invalid|fail|unable)|(?:invalid|could not|unable|fail).{0,80}encrypted[ _]content/, failureClass: 'invalid_encrypted_content', statuses: refusal },
  { words: /items are not persisted|item with id .{0,120}not found|without its required following item/, failureClass: 'item_not_found', statuses: refusal },
  { words: /^(?:unsupported|unknown|unrecognized) (?:parameter|value|service_tier|request argument)/, failureClass: 'unsupported_parameter', statuses: refusal },
  { words: /maximum context|context[ _](?:window|length)|(?:input|prompt) is too long|too many (?:input )?tokens/, failureClass: 'context_length', statuses: refusal },
  { words: /content[ _](?:filter|policy|management)|usage polic(?:y|ies)|safety (?:system|polic|reasons)|flagged (?:as|by|for)/, failureClass: 'content_filter', statuses: only(400, 403, 422) },
  { words: /\bmodel\b(?:[^.\n]|\.\d){0,160}(?:does(?:n't| not) exist|not (?:found|available|supported|accessible|enabled|recognized)|isn't (?:available|supported)|no longer (?:available|supported|exists)|retired|deprecated|(?:do|does)(?:n't| not) have access|requires a newer version)|(?:unknown|unsupported|invalid|no such|unrecognized) model\b|access to (?:the )?model\b/, failureClass: 'model_not_available', statuses: only(400, 404, 410, 422) },
  { words: /(?:chatgpt-account-id|account[ _-]id|workspace)\b.{0,60}(?:missing|required|invalid|not (?:found|provided|selected)|mismatch)|(?:missing|invalid|select a|without an?)\b.{0,40}(?:chatgpt-account-id|account[ _-]id|workspace)\b/, failureClass: 'missing_account', statuses: only(400, 401, 403) },
  { words: /at capacity|over capacity|overloaded|high demand/, failureClass: 'at_capacity', statuses: (status) => status === 429 || status >= 500 },
  { words: /usage limit|quota|out of credits|credit balance|spend(?:ing)? limit/, failureClass: 'quota', statuses: only(402, 429) },
  { words: /rate limit|too many requests/, failureClass: 'rate_limited', statuses: (status) => status === 429 || status >= 500 },
  { words: /not eligible/, failureClass: 'access_denied', statuses: refusal },
  { words: /(?:invalid|unsupported|malformed|could not (?:decode|process|download)).{0,40}\bimage|\bimage\b.{0,60}(?:invalid|not (?:a )?valid|could not|too large|unsupported)/, failureClass: 'invalid_image', statuses: only(400, 413, 422) },
]

export function classifyFailure(facts: FailureFacts): FailureClass {
  if (facts.page === 'challenge') return 'challenge'
  if (facts.page === 'blocked' && facts.status === 403) return 'edge_blocked'
  const { status } = facts
  for (const code of facts.codes) {
    const known = BY_CODE.get(code)
    // The documented plan lane names the model as an unsupported capability.
    if (known === 'unsupported_parameter' && facts.param === 'model') return 'model_not_available'
    if (known) return known
  }
  if (facts.param?.endsWith('.image_url') && (status === undefined || refusal(status))) return 'invalid_image'
  const rule = BY_PROSE.find((one) => (status === undefined || one.statuses(status)) && one.words.test(facts.prose))
  return rule?.failureClass ?? byStatus(status, facts)
}

function byStatus(status: number | undefined, facts: FailureFacts): FailureClass {
  if (status === undefined) return 'stream_failed'
  // The only thing a well-formed call can name wrongly is the model; a page or a named path is another matter.
  if (status === 404) return facts.page === 'none' && !/\b(?:url|path|route|endpoint)\b/.test(facts.prose) ? 'model_not_available' : 'not_found'
  return BY_STATUS.get(status) ?? (status >= 500 ? 'unavailable' : status >= 400 ? 'invalid_request' : status >= 300 ? 'redirected' : 'unexpected_content')
}
