/** Maps our stream events to the chunks of the Chat Completions dialect, one answer long. */
import type { ChatResponse, FinishReason, JsonObject, StreamEvent, Usage } from '../contract/index.js'
import { renderArguments } from '../responses/read-arguments.js'
import { buildCompletionUsage, completionHead, type CompletionIdentity } from './to-chat-completion.js'

export interface ChatCompletionChunkMapper {
  /**
   * The chunks for this event; none after the end, and none for `error`, which this dialect says
   * outside of chunks.
   * @param response with `message.end`: the whole answer, which knows why it finished
   */
  push(event: StreamEvent, response?: ChatResponse): JsonObject[]
  /** The same as server-sent events; empty for none. */
  render(event: StreamEvent, response?: ChatResponse): string
}

interface State {
  readonly identity: CompletionIdentity
  readonly includeUsage: boolean
  /** a call's place among the calls, by its id */
  calls: Map<string, { index: number; hasArguments: boolean }>
  started: boolean
  ended: boolean
  /** what stands around the text of a text's chunk */
  around?: Surroundings
}

interface Surroundings {
  before: string
  after: string
}

/** @param options.includeUsage a last chunk with the usage and without choices; default false */
export function createChatCompletionChunkMapper(
  identity: CompletionIdentity,
  options: { includeUsage?: boolean } = {},
): ChatCompletionChunkMapper {
  const state: State = { identity, includeUsage: options.includeUsage ?? false, calls: new Map(), started: false, ended: false }
  return {
    push: (event, response) => push(state, event, response),
    render(event, response) {
      if (event.type === 'text.delta' && state.started && !state.ended) return renderText(state, event.text)
      return push(state, event, response).map(toSse).join('')
    },
  }
}

const toSse = (chunk: JsonObject): string => `data: ${JSON.stringify(chunk)}\n\n`

const MARK = '\0text'

/** At the last place: a model may have any name. */
function splitAtText(state: State): Surroundings {
  const whole = toSse(chunk(state, { content: MARK }))
  const mark = JSON.stringify(MARK)
  const at = whole.lastIndexOf(mark)
  return { before: whole.slice(0, at), after: whole.slice(at + mark.length) }
}

/** Only the text differs from one of these chunks to the next: building and writing each anew was a twentieth of what a delta costs. */
function renderText(state: State, text: string): string {
  const { before, after } = (state.around ??= splitAtText(state))
  return before + JSON.stringify(text) + after
}

function push(state: State, event: StreamEvent, response: ChatResponse | undefined): JsonObject[] {
  if (state.ended) return []
  state.ended = event.type === 'error' || event.type === 'message.end'
  if (event.type === 'error') return []
  const opening = state.started ? [] : [chunk(state, { role: 'assistant', content: '', refusal: null })]
  state.started = true
  return [...opening, ...map(state, event, response)]
}

function map(state: State, event: StreamEvent, response: ChatResponse | undefined): JsonObject[] {
  switch (event.type) {
    case 'text.delta':
      return [chunk(state, { content: event.text })]
    case 'thinking.delta':
      return [chunk(state, { reasoning_content: event.text })]
    case 'tool_call.start':
      return startCall(state, event.id, event.name)
    case 'tool_call.delta':
      return growCall(state, event.id, event.arguments_fragment)
    case 'tool_call.end': {
      const starting = startCall(state, event.id, event.name)
      const isStreamed = state.calls.get(event.id)?.hasArguments === true
      return isStreamed ? starting : [...starting, ...growCall(state, event.id, renderArguments(event.arguments))]
    }
    case 'message.end':
      return end(state, event.usage, response)
    default:
      return []
  }
}

function chunk(state: State, delta: JsonObject, finishReason: FinishReason | null = null): JsonObject {
  const { id, created, model } = state.identity
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishReason }]
  // Written out: fields added behind a spread take a microsecond each.
  return { id, object: 'chat.completion.chunk', created, model, system_fingerprint: null, choices, ...(state.includeUsage && { usage: null }) }
}

function startCall(state: State, id: string, name: string): JsonObject[] {
  if (state.calls.has(id)) return []
  const index = state.calls.size
  state.calls.set(id, { index, hasArguments: false })
  return [chunk(state, { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] })]
}

function growCall(state: State, id: string, fragment: string): JsonObject[] {
  const call = state.calls.get(id)
  if (!call) return []
  call.hasArguments = true
  return [chunk(state, { tool_calls: [{ index: call.index, function: { arguments: fragment } }] })]
}

function end(state: State, usage: Usage | null, response: ChatResponse | undefined): JsonObject[] {
  const last = chunk(state, {}, response?.finish_reason ?? (state.calls.size > 0 ? 'tool_calls' : 'stop'))
  if (!state.includeUsage) return [last]
  const usageChunk = { choices: [], usage: buildCompletionUsage(response?.usage ?? usage) }
  return [last, { ...completionHead(state.identity, 'chat.completion.chunk'), ...usageChunk }]
}
