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
}

interface State {
  readonly identity: CompletionIdentity
  readonly includeUsage: boolean
  /** a call's place among the calls, by its id */
  calls: Map<string, { index: number; hasArguments: boolean }>
  started: boolean
  ended: boolean
}

/** @param options.includeUsage a last chunk with the usage and without choices; default false */
export function createChatCompletionChunkMapper(
  identity: CompletionIdentity,
  options: { includeUsage?: boolean } = {},
): ChatCompletionChunkMapper {
  const state: State = { identity, includeUsage: options.includeUsage ?? false, calls: new Map(), started: false, ended: false }
  return {
    push(event, response) {
      if (state.ended) return []
      state.ended = event.type === 'error' || event.type === 'message.end'
      if (event.type === 'error') return []
      const opening = state.started ? [] : [chunk(state, { role: 'assistant', content: '', refusal: null })]
      state.started = true
      return [...opening, ...map(state, event, response)]
    },
  }
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
  return {
    ...completionHead(state.identity, 'chat.completion.chunk'),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    ...(state.includeUsage && { usage: null }),
  }
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
