import type { ChatResponse, ContentBlock, FinishReason, JsonObject, ReasoningProvenance, ToolCall } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import { buildBlocks } from './build-blocks.js'
import { assembleItem, createItemCollector, type CollectedItem, type ItemCollector } from './collect-items.js'
import { parseArguments, readArgumentsText } from './read-arguments.js'
import { readTerminal, terminalToFailure, type Terminal } from './read-terminal.js'
import { readUsage } from './read-usage.js'
import type { LifecycleEvent, TerminalEvent, WireEvent } from './wire-events.js'
import type { WireFailure } from './wire-failure.js'

/** Puts the whole answer together; the one source of what `complete()` and `response()` answer. */
export interface Accumulator {
  /** Nothing is taken in after the terminal event. */
  accept(event: WireEvent): void
  /** Headers of the answer, names lower-cased: which model served it, and the request's id for errors. */
  observeHeaders(headers: Readonly<Record<string, string>>): void
  /** all that were observed, those that came as events included */
  readonly headers: Readonly<Record<string, string>>
  /** undefined until the answer has ended; then what its end was */
  readonly terminal: Terminal | undefined
  readonly responseId: string | undefined
  /** the model that really answered, where the wire said so */
  readonly servedModel: string | undefined
  /** something came that can be shown or run */
  readonly sawOutput: boolean
  /** the finished items as the wire had them, in output order */
  readonly doneItems: readonly JsonObject[]
  /**
   * Why the answer is none, with the headers that came with it: what a bad terminal says, or a cut
   * where there is no terminal yet; undefined for completed, and for cut by the length limit.
   */
  failure(): WireFailure | undefined
  /** The answer, from the finished items; to be asked for after a terminal of kind completed or incomplete. */
  build(): ChatResponse
  /** What came so far, unfinished text included and half tool calls left out; undefined where nothing came. */
  partial(): ChatResponse | undefined
}

interface State {
  readonly collector: ItemCollector
  readonly provenance: ReasoningProvenance
  terminal: Terminal | undefined
  /** the fields of the `response` objects that came, the newest word on each; see {@link responseOf} */
  readonly response: JsonObject
  /** what came since it was last asked for */
  readonly unread: (LifecycleEvent | TerminalEvent)[]
  headers: Record<string, string>
  metadata: JsonObject
  sawOutput: boolean
}

const MODEL_HEADER = 'openai-model'

/** @param context.provenance goes into each thinking block that can be sent back */
export function createAccumulator({ provenance }: { provenance: ReasoningProvenance }): Accumulator {
  return new ResponseAccumulator(provenance)
}

/** A class for its getters, which are asked at every event: an object that brings its own is a slow one, and took 0.4 µs to make. */
class ResponseAccumulator implements Accumulator, State {
  readonly collector = createItemCollector()
  readonly provenance: ReasoningProvenance
  terminal: Terminal | undefined = undefined
  readonly response: JsonObject = {}
  readonly unread: (LifecycleEvent | TerminalEvent)[] = []
  readonly headers: Record<string, string> = {}
  readonly metadata: JsonObject = {}
  sawOutput = false

  constructor(provenance: ReasoningProvenance) {
    this.provenance = provenance
  }

  get responseId(): string | undefined {
    return readString(responseOf(this), 'id')
  }

  get servedModel(): string | undefined {
    return this.headers[MODEL_HEADER] || readString(responseOf(this), 'model') || undefined
  }

  get doneItems(): JsonObject[] {
    return inOutputOrder(this).flatMap((item) => (item.doneItem ? [item.doneItem] : []))
  }

  observeHeaders(headers: Readonly<Record<string, string>>): void {
    Object.assign(this.headers, headers)
  }

  accept(event: WireEvent): void {
    accept(this, event)
  }

  failure(): WireFailure | undefined {
    const failure = terminalToFailure(this.terminal)
    return failure && { ...failure, headers: { ...this.headers, ...failure.headers } }
  }

  build(): ChatResponse {
    return assemble(this, finalItems(this))
  }

  partial(): ChatResponse | undefined {
    const response = assemble(this, receivedItems(this))
    return response.content.length === 0 ? undefined : { ...response, finish_reason: null }
  }
}

function accept(state: State, event: WireEvent): void {
  if (state.terminal) return
  // The first events of an answer: what comes after them is waited for.
  if (event.type === 'response.created' || event.type === 'response.in_progress') return void state.unread.push(event)
  if (state.collector.accept(event)) {
    state.sawOutput = true
    return
  }
  switch (event.type) {
    case 'response.queued':
      state.unread.push(event)
      return
    case 'response.metadata':
    case 'codex.response.metadata':
      Object.assign(state.headers, event.headers)
      return
    default:
      acceptTerminal(state, event)
  }
}

function acceptTerminal(state: State, event: WireEvent): void {
  const terminal = readTerminal(event)
  if (!terminal) return
  if (event.type === 'error') Object.assign(state.headers, event.headers)
  else state.unread.push(event as TerminalEvent)
  // A failure carries all headers of its answer: the request id is among them.
  state.terminal = 'failure' in terminal ? { ...terminal, failure: { ...terminal.failure, headers: { ...state.headers } } } : terminal
}

/** Put together when somebody asks: nobody does before the end, and the first events are in the way of the first delta. */
function responseOf(state: State): JsonObject {
  for (const event of state.unread.splice(0)) {
    // A null of a later event takes nothing back: the id of `created` outlives a bare terminal.
    for (const [name, value] of Object.entries(event.response)) if (value !== null && value !== undefined) state.response[name] = value
    const endTurn: unknown = event.response['end_turn'] ?? (event as { end_turn?: unknown }).end_turn
    if (typeof endTurn === 'boolean') state.metadata['end_turn'] = endTurn
  }
  return state.response
}

/** The items of a finished answer: done ones, else the terminal's own, else what the deltas brought. */
function finalItems(state: State): JsonObject[] {
  const tracked = inOutputOrder(state)
  const output = readOutput(responseOf(state))
  const isCut = state.terminal?.kind !== 'completed'
  const isWhole = (item: JsonObject) => !isHalfCall(item, isCut)
  if (output.length > 0 && !tracked.some((item) => item.doneItem)) return output.filter(isWhole)
  const byId = new Map(output.flatMap((item) => [[item['id'], item] as const, [item['call_id'], item] as const]))
  byId.delete(undefined)
  return tracked.flatMap((item) => {
    const wire = item.doneItem ?? byId.get(item.itemId) ?? byId.get(item.callId) ?? assembleItem(item, !isCut)
    return wire && isWhole(wire) ? [wire] : []
  })
}

/** The items of an answer that has not ended, or ended badly. */
function receivedItems(state: State): JsonObject[] {
  return inOutputOrder(state).flatMap((item) => {
    const wire = item.doneItem ?? assembleItem(item, false)
    return wire && !isHalfCall(wire, true) ? [wire] : []
  })
}

/** A call cut off by the end of the answer, which nobody may run. */
function isHalfCall(item: JsonObject, isCut: boolean): boolean {
  if (item['type'] !== 'function_call' && item['type'] !== 'custom_tool_call') return false
  if (item['status'] === 'incomplete') return true
  if (!isCut || item['type'] === 'custom_tool_call') return false
  return parseArguments(readArgumentsText(item['arguments']) ?? '') === undefined
}

function assemble(state: State, items: readonly JsonObject[]): ChatResponse {
  const content = items.flatMap((item, position) => buildBlocks(item, state.provenance, position))
  const calls = content.flatMap((block) => (block.type === 'tool_call' ? [toToolCall(block)] : []))
  const wire = responseOf(state)
  const usage = readUsage(wire['usage'])
  const serviceTier = readString(wire, 'service_tier')
  return {
    content,
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    usage: usage ?? null,
    finish_reason: finishReason(state.terminal, calls.length),
    metadata: {
      response_id: readString(wire, 'id') ?? null,
      ...state.metadata,
      ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
    },
  }
}

function toToolCall(block: ContentBlock & { type: 'tool_call' }): ToolCall {
  const { type: _type, input, ...rest } = block
  return { ...rest, arguments: input }
}

function finishReason(terminal: Terminal | undefined, callCount: number): FinishReason {
  if (callCount > 0) return 'tool_calls'
  if (terminal?.kind !== 'incomplete') return 'stop'
  if (terminal.reason === 'max_output_tokens') return 'length'
  return terminal.reason === 'content_filter' ? 'content_filter' : 'stop'
}

/** By position in the output; as they came where an item has none. */
function inOutputOrder(state: State): readonly CollectedItem[] {
  const { items } = state.collector.tracker
  if (items.some((item) => item.index === undefined)) return items
  return [...items].sort((left, right) => (left.index ?? 0) - (right.index ?? 0))
}

function readOutput(response: JsonObject): JsonObject[] {
  const output = response['output']
  return Array.isArray(output) ? output.filter(isRecord) : []
}
