import type { LanguageModelV3FinishReason, LanguageModelV3StreamPart } from '@ai-sdk/provider'
import type { ChatResponse, StreamEvent } from '../contract/index.js'
import { arrangeContent } from './arrange-content.js'
import { buildResponseIdentity, buildResponseMetadata, mapUsage } from './metadata.js'

export interface StreamParts {
  push(event: StreamEvent): LanguageModelV3StreamPart[]
  /** what follows the last event of an answer that succeeded */
  finish(response: ChatResponse, identity: { modelId: string; nowMs: number }): LanguageModelV3StreamPart[]
}

type OpenType = 'text' | 'reasoning'

/**
 * Our stream events as the AI SDK's parts. Texts and thoughts are ended with the whole answer: only then are
 * their metadata known (the sealed thought, the phase), and the AI SDK takes them from the end.
 */
export function createStreamParts(): StreamParts {
  const opened: { type: OpenType; id: string }[] = []
  let current: OpenType | undefined

  const delta = (type: OpenType, text: string): LanguageModelV3StreamPart[] => {
    const parts: LanguageModelV3StreamPart[] = []
    if (current !== type) {
      current = type
      opened.push({ type, id: `${type}-${opened.length}` })
      parts.push({ type: `${type}-start`, id: idOfLast() })
    }
    parts.push({ type: `${type}-delta`, id: idOfLast(), delta: text })
    return parts
  }
  const idOfLast = (): string => opened.at(-1)?.id ?? ''

  return {
    push(event) {
      switch (event.type) {
        case 'text.delta':
          return delta('text', event.text)
        case 'thinking.delta':
          return delta('reasoning', event.text)
        case 'tool_call.start':
          current = undefined
          return [{ type: 'tool-input-start', id: event.id, toolName: event.name }]
        case 'tool_call.delta':
          return [{ type: 'tool-input-delta', id: event.id, delta: event.arguments_fragment }]
        case 'tool_call.end':
          return [
            { type: 'tool-input-end', id: event.id },
            { type: 'tool-call', toolCallId: event.id, toolName: event.name, input: JSON.stringify(event.arguments) },
          ]
        default:
          return []
      }
    },
    finish(response, { modelId, nowMs }) {
      return [
        ...endParts(response, opened),
        { type: 'response-metadata', ...buildResponseIdentity(response, modelId, nowMs) },
        {
          type: 'finish',
          usage: mapUsage(response.usage),
          finishReason: mapFinishReason(response),
          providerMetadata: buildResponseMetadata(response),
        },
      ]
    },
  }
}

function endParts(response: ChatResponse, opened: readonly { type: OpenType; id: string }[]): LanguageModelV3StreamPart[] {
  const parts = arrangeContent(response)
  const waiting = {
    text: opened.filter((entry) => entry.type === 'text').map((entry) => entry.id),
    reasoning: opened.filter((entry) => entry.type === 'reasoning').map((entry) => entry.id),
  }
  const ends: LanguageModelV3StreamPart[] = []
  for (const [position, part] of parts.entries()) {
    if (part.type === 'tool-call') continue
    const { type, text, providerMetadata } = part
    // A thought that showed nothing was opened by no delta.
    const known = text === '' ? undefined : waiting[type].shift()
    const id = known ?? `${type}-hidden-${position}`
    if (known === undefined) {
      ends.push({ type: `${type}-start`, id })
      if (text !== '' && type === 'text') ends.push({ type: 'text-delta', id, delta: text })
    }
    ends.push({ type: `${type}-end`, id, ...(providerMetadata ? { providerMetadata } : {}) })
  }
  for (const type of ['text', 'reasoning'] as const) for (const id of waiting[type]) ends.push({ type: `${type}-end`, id })
  return ends
}

export function mapFinishReason({ finish_reason: raw }: ChatResponse): LanguageModelV3FinishReason {
  const unified = { stop: 'stop', tool_calls: 'tool-calls', length: 'length', content_filter: 'content-filter' } as const
  return { unified: raw ? (unified[raw] ?? 'other') : 'other', raw: raw ?? undefined }
}
