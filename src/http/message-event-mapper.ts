import type { JsonObject } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import type { ResponseStreamEvent } from '../dialects/index.js'
import { buildBlocks, buildMessageUsage, readStopReason } from './message-blocks.js'

export type MessageEvent = JsonObject & { type: string }

/** Maps the events of a response to those of the Messages dialect. */
export interface MessageEventMapper {
  /** `message_start`; once */
  begin(): MessageEvent[]
  push(event: ResponseStreamEvent): MessageEvent[]
}

export interface MessageIdentity {
  /** `msg_…` */
  id: string
  /** as the client asked for it */
  model: string
  showsThinking: boolean
}

interface State {
  readonly identity: MessageIdentity
  begun: boolean
  /** blocks that were started */
  blocks: number
  /** the response's item that is being told; others wait, since blocks of this dialect come one after another */
  item: number | undefined
  /** of that item, the kind of block that is open */
  open: 'text' | 'thinking' | 'tool_use' | undefined
  /** something of the item was shown */
  told: boolean
  readonly waiting: ResponseStreamEvent[]
}

export function createMessageEventMapper(identity: MessageIdentity): MessageEventMapper {
  const state: State = { identity, begun: false, blocks: 0, item: undefined, open: undefined, told: false, waiting: [] }
  return {
    begin: () => begin(state),
    push: (event) => push(state, event),
  }
}

function begin(state: State): MessageEvent[] {
  if (state.begun) return []
  state.begun = true
  const { id, model } = state.identity
  const message = { id, type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage: buildMessageUsage(undefined) }
  return [{ type: 'message_start', message }]
}

function push(state: State, event: ResponseStreamEvent): MessageEvent[] {
  if (event.type === 'response.completed' || event.type === 'response.incomplete') return [...begin(state), ...end(state, isRecord(event.response) ? event.response : {})]
  if (typeof event.output_index !== 'number') return []
  state.item ??= event.output_index
  if (event.output_index !== state.item) {
    state.waiting.push(event)
    return []
  }
  const mapped = map(state, event)
  const events = mapped.length === 0 ? [] : [...begin(state), ...mapped]
  if (event.type !== 'response.output_item.done') return events
  state.item = undefined
  state.told = false
  return [...events, ...state.waiting.splice(0).flatMap((later) => push(state, later))]
}

function map(state: State, event: ResponseStreamEvent): MessageEvent[] {
  const delta = typeof event.delta === 'string' ? event.delta : ''
  switch (event.type) {
    case 'response.output_item.added':
      return isRecord(event.item) && event.item.type === 'function_call' && event.item.name !== '' ? startCall(state, event.item) : []
    case 'response.output_text.delta':
    case 'response.refusal.delta':
      return grow(state, 'text', { type: 'text', text: '' }, { type: 'text_delta', text: delta })
    case 'response.reasoning_summary_part.added':
      return state.open === 'thinking' ? grow(state, 'thinking', {}, { type: 'thinking_delta', thinking: '\n\n' }) : []
    case 'response.reasoning_summary_text.delta':
    case 'response.reasoning_text.delta':
      if (!state.identity.showsThinking) return []
      return grow(state, 'thinking', { type: 'thinking', thinking: '', signature: '' }, { type: 'thinking_delta', thinking: delta })
    case 'response.function_call_arguments.delta':
      return state.open === 'tool_use' && delta !== '' ? grow(state, 'tool_use', {}, { type: 'input_json_delta', partial_json: delta }) : []
    case 'response.content_part.done':
      return state.open === 'text' ? stop(state) : []
    case 'response.output_item.done':
      return isRecord(event.item) ? finish(state, event.item) : []
    default:
      return []
  }
}

function startCall(state: State, { call_id: id, name }: JsonObject): MessageEvent[] {
  state.open = 'tool_use'
  state.told = true
  return [start(state, { type: 'tool_use', id, name, input: {} })]
}

const start = (state: State, block: JsonObject): MessageEvent => ({ type: 'content_block_start', index: state.blocks++, content_block: block })

function grow(state: State, kind: NonNullable<State['open']>, empty: JsonObject, delta: JsonObject): MessageEvent[] {
  const opening = state.open === kind ? [] : [...stop(state), start(state, empty)]
  state.open = kind
  state.told = true
  return [...opening, { type: 'content_block_delta', index: state.blocks - 1, delta }]
}

function stop(state: State): MessageEvent[] {
  if (state.open === undefined) return []
  state.open = undefined
  return [{ type: 'content_block_stop', index: state.blocks - 1 }]
}

/** The end of an item: what was streamed is closed, what came only whole is told in one piece. */
function finish(state: State, item: JsonObject): MessageEvent[] {
  if (state.told) {
    const signature = state.open === 'thinking' ? readString(item, 'encrypted_content') : undefined
    return [...(signature === undefined ? [] : grow(state, 'thinking', {}, { type: 'signature_delta', signature })), ...stop(state)]
  }
  return buildBlocks(item, state.identity.showsThinking).flatMap((block) => {
    const opening = start(state, block.type === 'tool_use' ? { ...block, input: {} } : block)
    const input = block.type === 'tool_use' ? [{ type: 'content_block_delta', index: state.blocks - 1, delta: { type: 'input_json_delta', partial_json: JSON.stringify(block.input) } }] : []
    return [opening, ...input, { type: 'content_block_stop', index: state.blocks - 1 }]
  })
}

function end(state: State, response: JsonObject): MessageEvent[] {
  return [
    ...stop(state),
    { type: 'message_delta', delta: { stop_reason: readStopReason(response), stop_sequence: null }, usage: buildMessageUsage(response.usage) },
    { type: 'message_stop' },
  ]
}
