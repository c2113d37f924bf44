/** Writes one answer in the Responses dialect: the wire's own events in, with ids, places and states that hold over the whole answer. */
import type { ChatResponse, JsonObject, ReasoningProvenance } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import { packReasoning } from './pack-reasoning.js'
import { buildResponseObject, buildResponseUsage, buildTextPart, readEnd, type ResponseIdentity, type ResponseStatus } from './response-object.js'
import type { ResponseStreamEvent } from './response-event-mapper.js'

export interface ResponseWriter {
  /** `response.created` and `response.in_progress`, once; may come before anything is known of the answer. */
  begin(): ResponseStreamEvent[]
  /**
   * What a wire event is in the dialect; lifecycle events come to nothing, their words are in {@link end}.
   * @param provenance who the encrypted items are for: they leave packed with it, so that they find their way back
   */
  push(event: { readonly type: string }, provenance?: ReasoningProvenance): ResponseStreamEvent[]
  /** whether any item has been told */
  told(): boolean
  /** The last event; its response is what the answer came to, and its output what was reported done. */
  end(response: ChatResponse, completedAt: number): ResponseStreamEvent[]
  /** An `error` event, then `response.failed`. */
  fail(error: { type: string; code: string; message: string; param: string | null }): ResponseStreamEvent[]
}

interface Part {
  kind: 'text' | 'refusal' | 'summary' | 'reasoning'
  text: string
  done: boolean
}

interface Item {
  id: string
  index: number
  /** as the wire told it last */
  wire: JsonObject
  parts: Map<number, Part>
  /** a call's arguments or input as far as they came */
  pieces: string
  inputDone: boolean
  /** in the dialect's form */
  done: JsonObject | undefined
}

interface State {
  readonly identity: ResponseIdentity
  sequence: number
  begun: boolean
  ended: boolean
  readonly items: Item[]
  /** by what the wire calls them; forgotten where another request continues the answer */
  readonly known: Map<string | number, Item>
  terminal: { status: ResponseStatus; response: JsonObject } | undefined
  provenance: ReasoningProvenance | undefined
}

const ID_PREFIXES: Readonly<Record<string, string>> = {
  message: 'msg', reasoning: 'rs', function_call: 'fc', function_call_output: 'fco', custom_tool_call: 'ctc', custom_tool_call_output: 'ctco', web_search_call: 'ws',
  file_search_call: 'fs', image_generation_call: 'ig', code_interpreter_call: 'ci', tool_search_call: 'tsc', tool_search_output: 'tso',
  local_shell_call: 'lsh', local_shell_call_output: 'lsho', shell_call: 'sh', shell_call_output: 'sho', mcp_call: 'mcp', mcp_list_tools: 'mcpl', mcp_approval_request: 'mcpr', compaction: 'cmp',
}

/** The id of an item of a response, from which the response can be told. */
export function buildItemId(responseId: string, type: string, place: string | number): string {
  return `${ID_PREFIXES[type] ?? 'item'}_${responseId.replace(/^resp_/, '')}_${place}`
}

/** The writer of one answer; numbers its events from 0. */
export function createResponseWriter(identity: ResponseIdentity): ResponseWriter {
  const state: State = {
    identity, sequence: 0, begun: false, ended: false, items: [], known: new Map(), terminal: undefined, provenance: undefined,
  }
  return {
    begin: () => begin(state),
    push(event, provenance) {
      if (state.ended) return []
      state.provenance = provenance ?? state.provenance
      return map(state, event as WireEventLike)
    },
    told: () => state.items.length > 0,
    end: (response, completedAt) => end(state, response, completedAt),
    fail: (error) => fail(state, error),
  }
}

interface WireEventLike {
  readonly type: string
  readonly [field: string]: unknown
}

function begin(state: State): ResponseStreamEvent[] {
  if (state.begun) return []
  state.begun = true
  const response = buildResponseObject(state.identity, 'in_progress')
  return [emit(state, 'response.created', { response }), emit(state, 'response.in_progress', { response })]
}

function emit(state: State, type: string, fields: JsonObject): ResponseStreamEvent {
  return { type, sequence_number: state.sequence++, ...fields }
}

function map(state: State, event: WireEventLike): ResponseStreamEvent[] {
  switch (event.type) {
    case 'response.output_text.delta':
      return grow(state, event, 'text')
    case 'response.refusal.delta':
      return grow(state, event, 'refusal')
    case 'response.reasoning_summary_text.delta':
      return grow(state, event, 'summary')
    case 'response.reasoning_text.delta':
      return grow(state, event, 'reasoning')
    case 'response.function_call_arguments.delta':
    case 'response.custom_tool_call_input.delta':
      return growInput(state, event)
    case 'response.output_item.added':
      return isRecord(event['item']) ? findOrAdd(state, event, event['item']).events : []
    case 'response.output_item.done':
      return isRecord(event['item']) ? finish(state, event, event['item']) : []
    case 'response.created':
      // Another request goes on with the answer: its places count anew.
      state.known.clear()
      return []
    case 'response.output_text.annotation.added': {
      const item = find(state, event)
      return item ? [emit(state, event.type, { ...place(item, event, 'text'), annotation_index: event['annotation_index'] ?? 0, annotation: event['annotation'] })] : []
    }
    default:
      return mapOther(state, event)
  }
}

const ENDS: Readonly<Record<string, ResponseStatus>> = {
  'response.completed': 'completed', 'response.done': 'completed', 'response.incomplete': 'incomplete',
}
/** Told again by the part's or the item's end, which is written from what was shown. */
const IMPLIED = /^response\.(?:content_part|reasoning_summary_part|output_text|refusal|reasoning_summary_text|reasoning_text|function_call_arguments|custom_tool_call_input)\.(?:added|done)$/

function mapOther(state: State, event: WireEventLike): ResponseStreamEvent[] {
  const status = ENDS[event.type]
  if (status !== undefined) state.terminal = { status, response: isRecord(event['response']) ? event['response'] : {} }
  if (status !== undefined || IMPLIED.test(event.type) || event['output_index'] === undefined) return []
  // A hosted tool's progress: the backend's own words, under the item's id here.
  const item = find(state, event)
  const { type, sequence_number: _sequence, ...fields } = event
  return item && !item.done ? [emit(state, type, { ...fields, item_id: item.id, output_index: item.index })] : []
}

function find(state: State, event: WireEventLike): Item | undefined {
  const index = event['output_index']
  const byIndex = typeof index === 'number' ? state.known.get(index) : undefined
  if (byIndex) return byIndex
  const id = event['item_id'] ?? (isRecord(event['item']) ? event['item']['id'] : undefined)
  if (typeof id === 'string') return state.known.get(id)
  return index === undefined ? state.items.findLast((item) => !item.done) : undefined
}

function findOrAdd(state: State, event: WireEventLike, wire: JsonObject): { item: Item; events: ResponseStreamEvent[] } {
  const known = find(state, event)
  if (known && !known.done) return { item: known, events: [] }
  const index = state.items.length
  const item: Item = {
    id: buildItemId(state.identity.responseId, String(wire['type']), index), index, wire, parts: new Map(), pieces: '', inputDone: false, done: undefined,
  }
  state.items.push(item)
  if (typeof event['output_index'] === 'number') state.known.set(event['output_index'], item)
  const wireId = wire['id'] ?? event['item_id']
  if (typeof wireId === 'string') state.known.set(wireId, item)
  // Events are numbered as they are made: what begins the response comes first.
  const events = begin(state)
  events.push(emit(state, 'response.output_item.added', { output_index: index, item: present(state, item, startOf(wire), 'in_progress') }))
  return { item, events }
}

/** The item before anything has grown in it. */
function startOf(wire: JsonObject): JsonObject {
  const { encrypted_content: _sealed, ...rest } = wire
  switch (wire['type']) {
    case 'message':
      return { ...rest, content: [] }
    case 'reasoning':
      return { ...rest, summary: [], ...('content' in rest ? { content: [] } : {}) }
    case 'function_call':
      return { ...rest, arguments: '' }
    case 'custom_tool_call':
      return { ...rest, input: '' }
    case 'compaction':
      return { ...rest, encrypted_content: '' }
    default:
      return rest
  }
}

/** An item in the dialect: our id, a state, and encrypted content with whom it is for. */
function present(state: State, { id }: Item, wire: JsonObject, status: string): JsonObject {
  const { id: wireId, type, status: _status, encrypted_content: sealed, ...rest } = wire
  const shown: JsonObject = { id, type, ...(type === 'compaction' ? {} : { status }), ...rest }
  if (type === 'message') Object.assign(shown, { role: 'assistant', content: readParts(rest['content']) })
  if (type === 'reasoning') shown['summary'] = Array.isArray(rest['summary']) ? rest['summary'] : []
  if (typeof sealed === 'string') shown['encrypted_content'] = sealed !== '' && state.provenance && !sealed.startsWith('apr1.') ? packReasoning([sealed, wireId ?? null, { ...state.provenance }]) : sealed
  return shown
}

function readParts(content: unknown): JsonObject[] {
  const parts = Array.isArray(content) ? content.filter(isRecord) : []
  return parts.map((part) => part['type'] === 'output_text' ? { ...part, annotations: part['annotations'] ?? [], logprobs: part['logprobs'] ?? [] } : part)
}

const EVENT_WORDS = {
  text: { delta: 'response.output_text', part: 'response.content_part', key: 'content_index', item: 'message' },
  refusal: { delta: 'response.refusal', part: 'response.content_part', key: 'content_index', item: 'message' },
  summary: { delta: 'response.reasoning_summary_text', part: 'response.reasoning_summary_part', key: 'summary_index', item: 'reasoning' },
  reasoning: { delta: 'response.reasoning_text', part: 'response.content_part', key: 'content_index', item: 'reasoning' },
} as const

function buildPart(kind: Part['kind'], text: string): JsonObject {
  if (kind === 'text') return buildTextPart({ text })
  if (kind === 'refusal') return { type: 'refusal', refusal: text }
  return { type: kind === 'summary' ? 'summary_text' : 'reasoning_text', text }
}

function place(item: Item, event: JsonObject, kind: Part['kind']): JsonObject {
  const { key } = EVENT_WORDS[kind]
  return { item_id: item.id, output_index: item.index, [key]: typeof event[key] === 'number' ? event[key] : 0 }
}

function grow(state: State, event: WireEventLike, kind: Part['kind']): ResponseStreamEvent[] {
  const words = EVENT_WORDS[kind]
  const { item, events } = findOrAdd(state, event, { type: words.item })
  const index = typeof event[words.key] === 'number' ? (event[words.key] as number) : 0
  const delta = String(event['delta'] ?? '')
  let part = item.parts.get(index)
  if (!part) {
    part = { kind, text: '', done: false }
    item.parts.set(index, part)
    events.push(emit(state, `${words.part}.added`, { ...place(item, event, kind), part: buildPart(kind, '') }))
  }
  part.text += delta
  events.push(emit(state, event.type, kind === 'text' ? { ...place(item, event, kind), delta, logprobs: event['logprobs'] ?? [] } : { ...place(item, event, kind), delta }))
  return events
}

function growInput(state: State, event: WireEventLike): ResponseStreamEvent[] {
  const custom = event.type === 'response.custom_tool_call_input.delta'
  const { item, events } = findOrAdd(state, event, { type: custom ? 'custom_tool_call' : 'function_call', call_id: event['call_id'] ?? '', name: '' })
  const delta = String(event['delta'] ?? '')
  item.pieces += delta
  events.push(emit(state, event.type, { item_id: item.id, output_index: item.index, delta }))
  return events
}

/** The end of an item: its parts' first, from what was shown and what only the whole item tells. */
function finish(state: State, event: WireEventLike, wire: JsonObject): ResponseStreamEvent[] {
  const { item, events } = findOrAdd(state, event, wire)
  return [...events, ...close(state, item, wire)]
}

function close(state: State, item: Item, wire: JsonObject): ResponseStreamEvent[] {
  item.wire = wire
  const events = [...closeParts(state, item), ...closeInput(state, item)]
  item.done = present(state, item, wire, wire['status'] === 'incomplete' ? 'incomplete' : 'completed')
  return [...events, emit(state, 'response.output_item.done', { output_index: item.index, item: item.done })]
}

/** The texts that an item consists of, as the done item has them. */
function readWhole(wire: JsonObject): { kind: Part['kind']; index: number; text: string; part: JsonObject }[] {
  const read = (list: unknown, kindOf: (part: JsonObject) => Part['kind'] | undefined) =>
    (Array.isArray(list) ? list.filter(isRecord) : []).flatMap((part, index) => {
      const kind = kindOf(part)
      return kind ? [{ kind, index, text: readString(part, kind === 'refusal' ? 'refusal' : 'text') ?? '', part }] : []
    })
  if (wire['type'] === 'message') return read(wire['content'], (part) => (part['type'] === 'refusal' ? 'refusal' : part['type'] === 'output_text' ? 'text' : undefined))
  if (wire['type'] !== 'reasoning') return []
  const summary = read(wire['summary'], () => 'summary')
  return summary.length > 0 ? summary : read(wire['content'], (part) => (part['type'] === 'reasoning_text' ? 'reasoning' : undefined))
}

function closeParts(state: State, item: Item): ResponseStreamEvent[] {
  const events: ResponseStreamEvent[] = []
  for (const { kind, index, text, part: wirePart } of readWhole(item.wire)) {
    const words = EVENT_WORDS[kind]
    const at = { item_id: item.id, output_index: item.index, [words.key]: index }
    let shown = item.parts.get(index)
    if (!shown) {
      shown = { kind, text: '', done: false }
      item.parts.set(index, shown)
      events.push(emit(state, `${words.part}.added`, { ...at, part: buildPart(kind, '') }))
    }
    const missing = text.startsWith(shown.text) ? text.slice(shown.text.length) : ''
    if (missing !== '') events.push(emit(state, `${words.delta}.delta`, { ...at, delta: missing, ...(kind === 'text' ? { logprobs: [] } : {}) }))
    shown.done = true
    const [part] = kind === 'text' ? readParts([wirePart]) : [buildPart(kind, text)]
    const whole = kind === 'refusal' ? { refusal: text } : { text, ...(kind === 'text' ? { logprobs: part?.['logprobs'] ?? [] } : {}) }
    events.push(emit(state, `${words.delta}.done`, { ...at, ...whole }), emit(state, `${words.part}.done`, { ...at, part }))
  }
  return events
}

function closeInput(state: State, item: Item): ResponseStreamEvent[] {
  const { wire } = item
  const custom = wire['type'] === 'custom_tool_call'
  if (item.inputDone || (!custom && wire['type'] !== 'function_call')) return []
  item.inputDone = true
  const key = custom ? 'input' : 'arguments'
  const whole = typeof wire[key] === 'string' ? wire[key] : wire[key] === undefined ? item.pieces : JSON.stringify(wire[key])
  wire[key] = whole
  const kind = custom ? 'response.custom_tool_call_input' : 'response.function_call_arguments'
  const at = { item_id: item.id, output_index: item.index }
  const missing = whole.startsWith(item.pieces) ? whole.slice(item.pieces.length) : ''
  const rest = missing === '' ? [] : [emit(state, `${kind}.delta`, { ...at, delta: missing })]
  return [...rest, emit(state, `${kind}.done`, { ...at, ...(custom ? {} : { name: wire['name'] }), [key]: whole })]
}

/** An item that was never reported done ends with what came of it; half a call stays incomplete. */
function closeOpen(state: State): ResponseStreamEvent[] {
  return state.items.filter((item) => !item.done).flatMap((item) => {
    const texts = [...item.parts.values()].map(({ kind, text }) => buildPart(kind, text))
    const grown = item.wire['type'] === 'message' ? { content: texts } : item.wire['type'] === 'reasoning' ? { summary: texts } : {}
    return close(state, item, { ...item.wire, ...grown, status: 'incomplete' })
  })
}

function doneItems(state: State): JsonObject[] {
  return state.items.flatMap(({ done }) => (done ? [done] : []))
}

function end(state: State, response: ChatResponse, completedAt: number): ResponseStreamEvent[] {
  if (state.ended) return []
  const closing = [...begin(state), ...closeOpen(state)]
  state.ended = true
  const read = readEnd(response)
  const status = state.terminal?.status ?? read.status
  const told = state.terminal?.response['incomplete_details']
  const route = response.metadata?.['route']
  const served = isRecord(route) ? readString(route, 'served_model') : undefined
  const tier = readString(response.metadata ?? {}, 'service_tier')
  const fields = {
    output: doneItems(state),
    usage: buildResponseUsage(response.usage),
    completed_at: status === 'completed' ? completedAt : null,
    ...(served === undefined || served === 'unknown' ? {} : { model: served }),
    ...(tier === undefined ? {} : { service_tier: tier }),
    ...(status === 'incomplete' ? { incomplete_details: isRecord(told) ? told : { reason: read.reason ?? 'max_output_tokens' } } : {}),
  }
  return [...closing, emit(state, `response.${status}`, { response: buildResponseObject(state.identity, status, fields) })]
}

function fail(state: State, error: { type: string; code: string; message: string; param: string | null }): ResponseStreamEvent[] {
  if (state.ended) return []
  const opening = begin(state)
  state.ended = true
  const { code, message, param } = error
  const response = buildResponseObject(state.identity, 'failed', { error: { code, message }, output: doneItems(state) })
  // Clients differ in where they look: the specification nests the error, the older API's event is flat.
  return [...opening, emit(state, 'error', { error, code, message, param }), emit(state, 'response.failed', { response })]
}
