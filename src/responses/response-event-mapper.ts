/** Maps our stream events to those of the Responses dialect, one answer long. */
import type { ChatResponse, JsonObject, StreamEvent } from '../contract/index.js'
import {
  buildMessageItem, buildOutputItem, buildReasoningItem, buildResponseObject, buildResponseUsage, buildTextPart, readEnd,
  renderArguments, type ResponseIdentity,
} from './response-object.js'

export interface ResponseStreamEvent {
  type: string
  /** 0, 1, 2 … within the answer */
  sequence_number: number
  [field: string]: unknown
}

export interface ResponseEventMapper {
  /**
   * The dialect's events for this one, often several; none after the end.
   * @param response with `message.end`: the whole answer, from which the last event takes its status,
   *   its items' extra fields and the reasoning that can be sent back
   */
  push(event: StreamEvent, response?: ChatResponse): ResponseStreamEvent[]
}

/** An item that is growing. */
interface OpenItem {
  kind: 'message' | 'reasoning' | 'tool'
  id: string
  outputIndex: number
  pieces: string[]
  callId: string
  name: string
}

interface State {
  readonly identity: ResponseIdentity
  sequence: number
  /** finished and growing items in output order; a growing one has no place in it yet */
  output: (JsonObject | undefined)[]
  /** the message or reasoning item that grows now */
  current: OpenItem | undefined
  tools: Map<string, OpenItem>
  started: boolean
  ended: boolean
}

export function createResponseEventMapper(identity: ResponseIdentity): ResponseEventMapper {
  const state: State = { identity, sequence: 0, output: [], current: undefined, tools: new Map(), started: false, ended: false }
  return {
    push(event, response) {
      if (state.ended) return []
      return [...start(state), ...map(state, event, response)]
    },
  }
}

function map(state: State, event: StreamEvent, response: ChatResponse | undefined): ResponseStreamEvent[] {
  switch (event.type) {
    case 'message.start':
      return []
    case 'text.delta':
      return grow(state, 'message', event.text)
    case 'thinking.delta':
      return grow(state, 'reasoning', event.text)
    case 'tool_call.start':
      return [...closeCurrent(state), ...openTool(state, event.id, event.name)]
    case 'tool_call.delta':
      return growTool(state, event.id, event.arguments_fragment)
    case 'tool_call.end':
      return [...closeCurrent(state), ...closeTool(state, event)]
    case 'message.end':
      return end(state, event.usage, response)
    case 'error':
      return fail(state, { code: event.error.code ?? event.error.type, message: event.error.message })
    default:
      // A newer host's event.
      return []
  }
}

function emit(state: State, type: string, fields: JsonObject): ResponseStreamEvent {
  return { type, sequence_number: state.sequence++, ...fields }
}

function start(state: State): ResponseStreamEvent[] {
  if (state.started) return []
  state.started = true
  const response = buildResponseObject(state.identity, 'in_progress')
  return [emit(state, 'response.created', { response }), emit(state, 'response.in_progress', { response })]
}

function makeId(state: State, prefix: string, position: number): string {
  return `${prefix}_${state.identity.responseId.replace(/^resp_/, '')}_${position}`
}

function open(state: State, kind: OpenItem['kind'], prefix: string): OpenItem {
  const outputIndex = state.output.push(undefined) - 1
  return { kind, id: makeId(state, prefix, outputIndex), outputIndex, pieces: [], callId: '', name: '' }
}

function added(state: State, item: OpenItem, wire: JsonObject): ResponseStreamEvent {
  return emit(state, 'response.output_item.added', { output_index: item.outputIndex, item: wire })
}

function done(state: State, item: OpenItem, wire: JsonObject): ResponseStreamEvent {
  state.output[item.outputIndex] = wire
  return emit(state, 'response.output_item.done', { output_index: item.outputIndex, item: wire })
}

function grow(state: State, kind: 'message' | 'reasoning', text: string): ResponseStreamEvent[] {
  const opening = state.current?.kind === kind ? [] : [...closeCurrent(state), ...openCurrent(state, kind)]
  const item = state.current as OpenItem
  item.pieces.push(text)
  const place = partPlace(item)
  const type = kind === 'message' ? 'response.output_text.delta' : 'response.reasoning_summary_text.delta'
  const delta = emit(state, type, kind === 'message' ? { ...place, delta: text, logprobs: [] } : { ...place, delta: text })
  return opening.length === 0 ? [delta] : [...opening, delta]
}

function partPlace(item: OpenItem): JsonObject {
  const place = { item_id: item.id, output_index: item.outputIndex }
  return item.kind === 'message' ? { ...place, content_index: 0 } : { ...place, summary_index: 0 }
}

function openCurrent(state: State, kind: 'message' | 'reasoning'): ResponseStreamEvent[] {
  const item = (state.current = open(state, kind, kind === 'message' ? 'msg' : 'rs'))
  const wire = kind === 'message' ? buildMessageItem(item.id, 'in_progress', []) : buildReasoningItem(item.id, '')
  const part = kind === 'message' ? buildTextPart({ text: '' }) : { type: 'summary_text', text: '' }
  const type = kind === 'message' ? 'response.content_part.added' : 'response.reasoning_summary_part.added'
  // The part comes after the item: the order of the array is the order of the numbers.
  return [added(state, item, wire), emit(state, type, { ...partPlace(item), part })]
}

function closeCurrent(state: State): ResponseStreamEvent[] {
  const item = state.current
  if (!item) return []
  state.current = undefined
  const text = item.pieces.join('')
  const place = partPlace(item)
  if (item.kind === 'reasoning') {
    return [
      emit(state, 'response.reasoning_summary_text.done', { ...place, text }),
      emit(state, 'response.reasoning_summary_part.done', { ...place, part: { type: 'summary_text', text } }),
      done(state, item, buildReasoningItem(item.id, text)),
    ]
  }
  const part = buildTextPart({ text })
  return [
    emit(state, 'response.output_text.done', { ...place, text, logprobs: [] }),
    emit(state, 'response.content_part.done', { ...place, part }),
    done(state, item, buildMessageItem(item.id, 'completed', [part])),
  ]
}

function openTool(state: State, callId: string, name: string): ResponseStreamEvent[] {
  const item = { ...open(state, 'tool', 'fc'), callId, name }
  state.tools.set(callId, item)
  return [added(state, item, { id: item.id, type: 'function_call', status: 'in_progress', call_id: callId, name, arguments: '' })]
}

function growTool(state: State, callId: string, delta: string): ResponseStreamEvent[] {
  const item = state.tools.get(callId)
  if (!item) return []
  item.pieces.push(delta)
  return [emit(state, 'response.function_call_arguments.delta', { item_id: item.id, output_index: item.outputIndex, delta })]
}

function closeTool(state: State, event: StreamEvent & { type: 'tool_call.end' }): ResponseStreamEvent[] {
  const opening = state.tools.has(event.id) ? [] : openTool(state, event.id, event.name)
  const item = state.tools.get(event.id) as OpenItem
  state.tools.delete(event.id)
  // What was streamed is what the model wrote; the decoded object is only its meaning.
  const text = item.pieces.length > 0 ? item.pieces.join('') : renderArguments(event.arguments)
  return [
    ...opening,
    emit(state, 'response.function_call_arguments.done', { item_id: item.id, output_index: item.outputIndex, name: event.name, arguments: text }),
    done(state, item, { id: item.id, type: 'function_call', status: 'completed', call_id: event.id, name: event.name, arguments: text }),
  ]
}

function end(state: State, usage: Parameters<typeof buildResponseUsage>[0], response: ChatResponse | undefined): ResponseStreamEvent[] {
  const closing = closeCurrent(state)
  state.ended = true
  const { status, reason } = readEnd(response)
  const fields = {
    output: response ? finalOutput(state, response) : state.output.filter((item) => item !== undefined),
    usage: buildResponseUsage(response?.usage ?? usage),
    ...(reason === undefined ? {} : { incomplete_details: { reason } }),
  }
  return [...closing, emit(state, `response.${status}`, { response: buildResponseObject(state.identity, status, fields) })]
}

function fail(state: State, error: JsonObject): ResponseStreamEvent[] {
  state.ended = true
  const fields = { error, output: state.output.filter((item) => item !== undefined) }
  return [emit(state, 'response.failed', { response: buildResponseObject(state.identity, 'failed', fields) })]
}

/** The answer's items in the answer's order, under the ids that were streamed; blocks never streamed get new ones. */
function finalOutput(state: State, response: ChatResponse): JsonObject[] {
  const streamed = state.output.filter((item) => item !== undefined)
  const take = (matches: (item: JsonObject) => boolean): JsonObject | undefined => {
    const position = streamed.findIndex(matches)
    return position < 0 ? undefined : streamed.splice(position, 1)[0]
  }
  let extra = state.output.length
  return response.content.flatMap((block) => {
    const [type, prefix] = block.type === 'text' ? ['message', 'msg'] : block.type === 'thinking' ? ['reasoning', 'rs'] : ['function_call', 'fc']
    const shown = block.type === 'thinking' && block.thinking === ''
      ? undefined
      : take((item) => (block.type === 'tool_call' ? item['call_id'] === block.id : item['type'] === type))
    const id = typeof shown?.['id'] === 'string' ? shown['id'] : makeId(state, prefix ?? 'msg', extra++)
    const item = buildOutputItem(block, id)
    if (!item) return []
    // The text the model wrote, not another rendering of the same object.
    return [typeof shown?.['arguments'] === 'string' && 'arguments' in item ? { ...item, arguments: shown['arguments'] } : item]
  })
}
