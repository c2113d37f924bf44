/** An answer as the backend's events, in its order, made one at a time. Pure but for the ids it is handed. */
import type { Answer, AnswerItem } from './answer.js'
import type { Ids } from './ids.js'
import { tokensOf, type PromptCount, type Usage } from './usage-meter.js'

/** One event, its JSON ready to send. */
export interface BakedEvent {
  type: string
  json: string
}

export interface EventsInput {
  answer: Answer
  responseId: string
  /** seconds */
  createdAt: number
  /** the model that serves */
  model: string
  /** the request's fields, echoed on the response object */
  request: Record<string, unknown>
  prompt: PromptCount
  ids: Ids
  seal: () => string
  terminalOutput: 'empty' | 'full'
  /** reasoning tokens for each visible one; absent: by the length of what is shown of them */
  thinking?: number
}

export interface BuiltEvents {
  events: Iterable<BakedEvent>
  /** what the output_item.done events carry */
  doneItems: Record<string, unknown>[]
  end: Answer['end']['kind']
  usage: Usage
}

const DEFAULT_DELTA_CHARS = 8
const PADDING = 'pX4rTbQz7mKe2LsW'

/** An item with what its events need. */
interface Prepared {
  item: AnswerItem
  id: string
  done: Record<string, unknown>
}

export function buildEvents(input: EventsInput): BuiltEvents {
  const truncated = input.answer.end.kind === 'incomplete'
  const last = input.answer.items.length - 1
  const prepared = input.answer.items.map((item, index) => prepare(item, input, truncated && index === last ? 'incomplete' : 'completed'))
  const usage = computeUsage(input, prepared)
  return {
    events: generate(input, prepared, usage),
    doneItems: prepared.map((each) => each.done), end: input.answer.end.kind, usage,
  }
}

function prepare(item: AnswerItem, { ids, seal }: EventsInput, status: string): Prepared {
  switch (item.kind) {
    case 'reasoning': {
      const id = ids.next('rs')
      const summary = item.parts.map((text) => ({ type: 'summary_text', text }))
      return { item, id, done: { id, type: 'reasoning', summary, ...(item.sealed ? { encrypted_content: seal() } : {}) } }
    }
    case 'message': {
      const id = ids.next('msg')
      const content = [{ type: 'output_text', annotations: [], logprobs: [], text: item.text }]
      return { item, id, done: { id, type: 'message', status, content, role: 'assistant', ...(item.phase ? { phase: item.phase } : {}) } }
    }
    case 'function_call': {
      const id = ids.next('fc')
      const callId = item.callId ?? ids.next('call').slice(0, 29)
      const namespace = item.namespace === undefined ? {} : { namespace: item.namespace }
      return { item, id, done: { id, type: 'function_call', status, arguments: item.arguments, call_id: callId, name: item.name, ...namespace } }
    }
    case 'custom_tool_call': {
      const id = ids.next('ctc')
      return { item, id, done: { id, type: 'custom_tool_call', status, call_id: item.callId ?? ids.next('call').slice(0, 29), input: item.input, name: item.name } }
    }
    case 'compaction': {
      const id = ids.next('cmp')
      return { item, id, done: { id, type: 'compaction', encrypted_content: seal() } }
    }
  }
}

function computeUsage({ answer, prompt, thinking }: EventsInput, prepared: readonly Prepared[]): Usage {
  let output = 0
  let reasoning = 0
  for (const { item } of prepared) {
    // thoughts are longer than what is shown of them
    if (item.kind === 'reasoning') reasoning += 16 + tokensOf(item.parts.join('').length)
    else output += item.kind === 'message' ? tokensOf(item.text.length) : item.kind === 'function_call' ? tokensOf(item.arguments.length + item.name.length) : 8
  }
  if (thinking !== undefined) reasoning = Math.round(output * thinking)
  const computed: Usage = {
    input_tokens: prompt.inputTokens,
    input_tokens_details: { cached_tokens: prompt.cachedTokens },
    output_tokens: output + reasoning,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: prompt.inputTokens + output + reasoning,
  }
  return { ...computed, ...answer.usage }
}

function describeResponse(input: EventsInput, status: string, extra: Record<string, unknown>): Record<string, unknown> {
  const { request } = input
  return {
    id: input.responseId, object: 'response', created_at: input.createdAt, status, background: false, error: null,
    incomplete_details: null, instructions: request['instructions'] ?? null, max_output_tokens: request['max_output_tokens'] ?? null,
    max_tool_calls: null, model: input.model, output: [], parallel_tool_calls: request['parallel_tool_calls'] ?? true,
    previous_response_id: request['previous_response_id'] ?? null, prompt_cache_key: request['prompt_cache_key'] ?? null,
    prompt_cache_retention: null, reasoning: request['reasoning'] ?? { effort: null, summary: null }, safety_identifier: null,
    service_tier: request['service_tier'] ?? 'auto', store: request['store'] ?? true, temperature: 1,
    text: request['text'] ?? { format: { type: 'text' }, verbosity: 'medium' }, tool_choice: request['tool_choice'] ?? 'auto',
    tools: request['tools'] ?? [], top_logprobs: 0, top_p: 1, truncation: 'disabled', usage: null, user: null, metadata: {}, ...extra,
  }
}

function* generate(input: EventsInput, prepared: readonly Prepared[], usage: Usage): Generator<BakedEvent> {
  let sequence = 0
  const event = (type: string, fields: Record<string, unknown>): BakedEvent =>
    ({ type, json: JSON.stringify({ type, sequence_number: sequence++, ...fields }) })
  yield event('response.created', { response: describeResponse(input, 'in_progress', {}) })
  yield event('response.in_progress', { response: describeResponse(input, 'in_progress', {}) })
  const { end } = input.answer
  for (const [index, each] of prepared.entries()) {
    yield event('response.output_item.added', { output_index: index, item: describeStart(each, input) })
    yield* generateItem(each, index, event, (type, head, text, tail) => deltas(type, head, text, tail, input, () => sequence++))
    yield event('response.output_item.done', { output_index: index, item: each.done })
  }
  if (end.kind === 'failed') {
    yield event('response.failed', { response: describeResponse(input, 'failed', { error: { code: end.code, message: end.message } }) })
    return
  }
  const output = input.terminalOutput === 'full' ? prepared.map((each) => each.done) : []
  const extra = end.kind === 'incomplete' ? { incomplete_details: { reason: end.reason }, output, usage } : { output, usage }
  yield event(input.answer.terminal ?? `response.${end.kind}`, { response: describeResponse(input, end.kind, { service_tier: 'default', ...extra }) })
}

function describeStart({ item, id, done }: Prepared, input: EventsInput): Record<string, unknown> {
  switch (item.kind) {
    // the encrypted part differs from the done event's, as recorded streams have it
    case 'reasoning': return { ...done, summary: [], ...(item.sealed ? { encrypted_content: input.seal() } : {}) }
    case 'message': return { ...done, status: 'in_progress', content: [] }
    case 'function_call': return { ...done, status: 'in_progress', arguments: '' }
    case 'custom_tool_call': return { ...done, status: 'in_progress', input: '' }
    case 'compaction': return { id, type: 'compaction', encrypted_content: '' }
  }
}

type MakeEvent = (type: string, fields: Record<string, unknown>) => BakedEvent
type MakeDeltas = (type: string, head: Record<string, unknown>, text: string, tail: Record<string, unknown>) => Generator<BakedEvent>

function* generateItem({ item, id, done }: Prepared, index: number, event: MakeEvent, makeDeltas: MakeDeltas): Generator<BakedEvent> {
  const at = { item_id: id, output_index: index }
  if (item.kind === 'reasoning') {
    for (const [part, text] of item.parts.entries()) {
      const here = { ...at, summary_index: part }
      yield event('response.reasoning_summary_part.added', { ...here, part: { type: 'summary_text', text: '' } })
      yield* makeDeltas('response.reasoning_summary_text.delta', here, text, {})
      yield event('response.reasoning_summary_text.done', { ...here, text })
      yield event('response.reasoning_summary_part.done', { ...here, part: { type: 'summary_text', text } })
    }
  } else if (item.kind === 'message') {
    const here = { ...at, content_index: 0 }
    yield event('response.content_part.added', { ...here, part: { type: 'output_text', annotations: [], logprobs: [], text: '' } })
    yield* makeDeltas('response.output_text.delta', here, item.text, { logprobs: [] })
    yield event('response.output_text.done', { ...here, text: item.text, logprobs: [] })
    yield event('response.content_part.done', { ...here, part: { type: 'output_text', annotations: [], logprobs: [], text: item.text } })
  } else if (item.kind === 'function_call') {
    yield* makeDeltas('response.function_call_arguments.delta', at, item.arguments, {})
    yield event('response.function_call_arguments.done', { ...at, arguments: item.arguments })
  } else if (item.kind === 'custom_tool_call') {
    yield* makeDeltas('response.custom_tool_call_input.delta', { ...at, call_id: done['call_id'] }, item.input, {})
    yield event('response.custom_tool_call_input.done', { ...at, input: item.input })
  }
}

/** The text in small pieces. Written out by hand: a long answer is tens of thousands of these. */
function* deltas(
  type: string, head: Record<string, unknown>, text: string, tail: Record<string, unknown>, input: EventsInput, next: () => number,
): Generator<BakedEvent> {
  const size = Math.max(1, input.answer.deltaChars ?? DEFAULT_DELTA_CHARS)
  const before = `{"type":"${type}","sequence_number":`
  const middle = `,${JSON.stringify(head).slice(1, -1)},"delta":`
  const after = Object.keys(tail).length === 0 ? '' : `,${JSON.stringify(tail).slice(1, -1)}`
  for (let start = 0; start < text.length;) {
    let end = Math.min(text.length, start + size)
    // never between the halves of a surrogate pair
    const code = text.charCodeAt(end - 1)
    if (code >= 0xd800 && code <= 0xdbff && end < text.length) end++
    const delta = text.slice(start, end)
    const padding = PADDING.slice(delta.length % PADDING.length)
    yield { type, json: `${before}${next()}${middle}${JSON.stringify(delta)}${after},"obfuscation":"${padding}"}` }
    start = end
  }
}
