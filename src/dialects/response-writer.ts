/** Writes one answer in the Responses dialect: its blocks and items in, with ids, places and states that hold over the whole answer. */
import type { AnswerEvent, ChatResponse, ItemToken, JsonObject, PartPlace, ReasoningProvenance } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import { buildItemId, emptyPart, inputWords, placeOf, presentItem, startOf, WORDS, type Item } from './response-item.js'
import { buildResponseObject, buildResponseUsage, buildTextPart, readEnd, type ResponseIdentity } from './response-object.js'

export interface ResponseStreamEvent {
  type: string
  /** 0, 1, 2 … within the answer */
  sequence_number: number
  [field: string]: unknown
}

export interface ResponseWriter {
  /** `response.created` and `response.in_progress`, once; may come before anything is known of the answer. */
  begin(): ResponseStreamEvent[]
  /**
   * What an answer's events, those of its items among them, are in the dialect.
   * @param provenance who the encrypted items are for: they leave packed with it, so that they find their way back
   */
  push(events: readonly AnswerEvent[], provenance?: ReasoningProvenance): ResponseStreamEvent[]
  /** whether any item has been told */
  told(): boolean
  /**
   * The last event; its response is what the answer came to.
   * @param options.completedAt seconds since 1970
   * @param options.output default: the items as they were told
   */
  end(response: ChatResponse, options?: { completedAt?: number; output?: JsonObject[] }): ResponseStreamEvent[]
  /** `response.failed`; before it an `error` event, where the error says its type. */
  fail(error: { type?: string; code: string; message: string; param?: string | null }): ResponseStreamEvent[]
}

interface State {
  readonly identity: ResponseIdentity
  sequence: number
  begun: boolean
  ended: boolean
  readonly items: Item[]
  readonly byToken: Map<ItemToken, Item>
  /** by the block's number */
  readonly blocks: Map<number, { item: Item; part: PartPlace | undefined }>
  provenance: ReasoningProvenance | undefined
  /** how the wire says that the answer ended, where it does */
  told: Pick<AnswerEvent & { type: 'answer_end' }, 'status' | 'reason'> | undefined
}

/** The writer of one answer; numbers its events from 0. */
export function createResponseWriter(identity: ResponseIdentity): ResponseWriter {
  const state: State = { identity, sequence: 0, begun: false, ended: false, items: [], byToken: new Map(), blocks: new Map(), provenance: undefined, told: undefined }
  return {
    begin: () => begin(state),
    push(events, provenance) {
      if (state.ended) return []
      state.provenance = provenance ?? state.provenance
      return events.flatMap((event) => write(state, event))
    },
    told: () => state.items.length > 0,
    end: (response, options) => end(state, response, options),
    fail: (error) => fail(state, error),
  }
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

function write(state: State, event: AnswerEvent): ResponseStreamEvent[] {
  switch (event.type) {
    case 'item_start':
      return startItem(state, event.item, event.wire)
    case 'item_end': {
      const item = state.byToken.get(event.item)
      return item ? endItem(state, item, event.wire, event.isWhole ? 'completed' : 'incomplete') : []
    }
    case 'block_start': {
      const item = event.item && state.byToken.get(event.item)
      if (item) state.blocks.set(event.index, { item, part: event.part })
      return item && event.part ? startPart(state, item, event.part) : []
    }
    case 'block_delta':
      return grow(state, event)
    case 'block_end':
      return endBlock(state, event)
    case 'answer_end':
      state.told = event
      return []
    case 'block_annotation': {
      const block = state.blocks.get(event.index)
      if (!block?.part) return []
      return [emit(state, 'response.output_text.annotation.added', { ...placeOf(block.item, block.part), annotation_index: event.position, annotation: event.annotation })]
    }
    case 'block_progress': {
      const block = state.blocks.get(event.index)
      const { type, sequence_number: _sequence, ...fields } = event.event
      // The backend's own words, under the item's id here.
      return block ? [emit(state, String(type), { ...fields, item_id: block.item.id, output_index: block.item.index })] : []
    }
  }
}

function startItem(state: State, token: ItemToken, wire: JsonObject): ResponseStreamEvent[] {
  const index = state.items.length
  const item: Item = { id: buildItemId(state.identity.responseId, String(wire['type']), index), index, wire, parts: new Set(), done: undefined }
  state.items.push(item)
  state.byToken.set(token, item)
  // In this order: events are numbered as they are written.
  return [...begin(state), emit(state, 'response.output_item.added', { output_index: index, item: present(state, item, startOf(wire), 'in_progress') })]
}

function endItem(state: State, item: Item, wire: JsonObject, status: string): ResponseStreamEvent[] {
  item.wire = wire
  item.done = present(state, item, wire, wire['status'] === 'incomplete' ? 'incomplete' : status)
  return [emit(state, 'response.output_item.done', { output_index: item.index, item: item.done })]
}

const present = ({ provenance }: State, { id }: Item, wire: JsonObject, status: string): JsonObject => presentItem({ id, wire, status, provenance })

function startPart(state: State, item: Item, part: PartPlace): ResponseStreamEvent[] {
  const key = `${WORDS[part.kind].part} ${part.index}`
  if (item.parts.has(key)) return []
  item.parts.add(key)
  return [emit(state, `${WORDS[part.kind].part}.added`, { ...placeOf(item, part), part: emptyPart(part.kind) })]
}

function grow(state: State, event: AnswerEvent & { type: 'block_delta' }): ResponseStreamEvent[] {
  const block = state.blocks.get(event.index)
  if (!block) return []
  const { item } = block
  if (event.block === 'tool_use') return [emit(state, `${inputWords(item).type}.delta`, { item_id: item.id, output_index: item.index, delta: event.text })]
  const part = event.part ?? block.part
  if (!part) return []
  const delta = event.gap ? event.text.slice(event.gap) : event.text
  const logprobs = part.kind === 'text' ? { logprobs: event.logprobs ?? [] } : undefined
  return [...startPart(state, item, part), emit(state, `${WORDS[part.kind].text}.delta`, { ...placeOf(item, part), delta, ...logprobs })]
}

function endBlock(state: State, event: AnswerEvent & { type: 'block_end' }): ResponseStreamEvent[] {
  const item = state.blocks.get(event.index)?.item
  if (!item) return []
  if (event.block === 'tool_use') {
    const { type, key } = inputWords(item)
    const name = key === 'arguments' ? { name: event.name } : undefined
    return [emit(state, `${type}.done`, { item_id: item.id, output_index: item.index, ...name, [key]: event.text ?? '' })]
  }
  return (event.parts ?? []).flatMap((part) => {
    const place = placeOf(item, part)
    const { kind } = part
    const text = readString(part.wire, kind === 'refusal' ? 'refusal' : 'text') ?? readString(part.wire, 'text') ?? ''
    const whole = kind === 'text' ? buildTextPart({ ...part.wire, text }) : kind === 'refusal' ? { type: 'refusal', refusal: text } : part.wire
    const said = kind === 'refusal' ? { refusal: text } : kind === 'text' ? { text, logprobs: whole['logprobs'] } : { text }
    return [...startPart(state, item, part), emit(state, `${WORDS[kind].text}.done`, { ...place, ...said }), emit(state, `${WORDS[kind].part}.done`, { ...place, part: { ...part.wire, ...whole } })]
  })
}

function doneItems(state: State): JsonObject[] {
  return state.items.flatMap(({ done }) => (done ? [done] : []))
}

function end(state: State, response: ChatResponse, { completedAt, output }: { completedAt?: number; output?: JsonObject[] } = {}): ResponseStreamEvent[] {
  if (state.ended) return []
  // An item of an attempt that was given up ends as far as it came.
  const open = state.items.filter(({ done }) => !done)
  const closing = [...begin(state), ...open.flatMap((item) => endItem(state, item, item.wire, 'incomplete'))]
  state.ended = true
  const { status, reason } = state.told ?? readEnd(response)
  const route = response.metadata?.['route']
  const served = isRecord(route) ? readString(route, 'served_model') : undefined
  const tier = readString(response.metadata ?? {}, 'service_tier')
  const fields: JsonObject = { output: output ?? doneItems(state), usage: buildResponseUsage(response.usage) }
  if (status === 'completed' && completedAt !== undefined) fields['completed_at'] = completedAt
  if (served !== undefined && served !== 'unknown') fields['model'] = served
  if (tier !== undefined) fields['service_tier'] = tier
  if (reason !== undefined) fields['incomplete_details'] = { reason }
  return [...closing, emit(state, `response.${status}`, { response: buildResponseObject(state.identity, status, fields) })]
}

function fail(state: State, error: { type?: string; code: string; message: string; param?: string | null }): ResponseStreamEvent[] {
  if (state.ended) return []
  const { type, code, message, param = null } = error
  // Clients differ in where they look: the specification nests the error, the older API's event is flat.
  const opening = [...begin(state), ...(type === undefined ? [] : [emit(state, 'error', { error, code, message, param })])]
  state.ended = true
  return [...opening, emit(state, 'response.failed', { response: buildResponseObject(state.identity, 'failed', { error: { code, message }, output: doneItems(state) }) })]
}
