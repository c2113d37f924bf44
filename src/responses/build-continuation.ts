import type { JsonObject } from '../contract/index.js'
import { readString, wellFormed } from '../lib/index.js'
import type { BuiltRequest } from './request-types.js'
import { toWireItem } from './hosted-item.js'
import { itemType } from './item-types.js'
import { readMessageParts } from './read-item-parts.js'
import { isReasoningId } from './reasoning-item.js'

/**
 * The request that goes on where `built`'s answer was cut by the output limit: the same fields, its
 * items, what had come of the answer, and a developer message that asks to go on. The message holds
 * `n`, so no two continuations are the same even where nothing had come.
 *
 * Calls are left out: they would need results. An answer in which one is whole goes to the caller instead.
 * @param doneItems of the answer, in output order; the partial message among them
 * @param n counts the continuations of one answer from 1
 */
export function buildContinuation(built: BuiltRequest, doneItems: readonly JsonObject[], n: number): BuiltRequest {
  const answer = doneItems.flatMap((item) => rebuildItem(item) ?? [])
  const nudge = {
    type: 'message',
    role: 'developer',
    content: [{
      type: 'input_text',
      text: `The answer was cut off at the output limit (${n}). Continue exactly where you stopped, without repeating anything.`,
    }],
  }
  return { ...built, items: [...built.items, ...answer, nudge].map((item) => (typeof item === 'string' ? item : JSON.stringify(item))) }
}

/** The server's item as it may be sent back: without status, annotations and an id that stands for nothing. */
function rebuildItem(item: JsonObject): JsonObject | undefined {
  if (item['type'] === 'reasoning') {
    const encrypted = readString(item, 'encrypted_content')
    if (!encrypted) return undefined
    const id = readString(item, 'id')
    return {
      type: 'reasoning',
      ...(id !== undefined && isReasoningId(id) && { id }),
      summary: Array.isArray(item['summary']) ? item['summary'] : [],
      encrypted_content: encrypted,
    }
  }
  if (itemType(String(item['type'])).kind === 'hosted') {
    const sent = toWireItem(item)
    return Object.keys(sent).length > 1 ? sent : undefined
  }
  if (item['type'] !== 'message') return undefined
  const content = readMessageParts(item).flatMap(({ text }) => (text === '' ? [] : [{ type: 'output_text', text: wellFormed(text) }]))
  if (content.length === 0) return undefined
  const phase = readString(item, 'phase')
  return { type: 'message', role: 'assistant', content, ...(phase !== undefined && { phase }) }
}
