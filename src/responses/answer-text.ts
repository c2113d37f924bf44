/** A message of the answer: each part of its content is a block of text, which starts with its first text. */
import type { JsonObject } from '../contract/index.js'
import type { AnswerItem, BlockWriter, ItemRules, Part } from './answer-item.js'
import { readMessageParts } from './read-item-parts.js'
import type { AnnotationEvent, TextDelta, TextDone } from './wire-events.js'

export const MESSAGE: ItemRules = {
  add() {},
  finish(item, wire, blocks) {
    item.wire = wire
    const parts = readMessageParts(wire)
    if (parts.length === 0 && item.parts.size > 0) item.wire = { ...wire, ...buildMessage(item) }
    else {
      for (const { index, text, isRefusal, fields } of parts) {
        const part = item.part(isRefusal ? 'refusal' : 'text', index)
        part.wire = fields
        finishText(item, part, text, blocks)
      }
      for (const part of item.parts.values()) if (part.block !== undefined && !part.wire) blocks.differs('text')
    }
    endTexts(item, blocks)
    item.parts.clear()
  },
  end: (item, _end, blocks) => endTexts(item, blocks),
  build: (item) => (item.done ? item.wire : item.parts.size === 0 ? undefined : { ...item.wire, ...buildMessage(item) }),
}

export function textPart(item: AnswerItem, event: TextDelta | TextDone): Part {
  const isRefusal = event.type === 'response.refusal.delta' || event.type === 'response.refusal.done'
  return item.part(isRefusal ? 'refusal' : 'text', event.content_index ?? 0)
}

export function growText(item: AnswerItem, part: Part, text: string, blocks: BlockWriter, logprobs?: unknown): void {
  // The whole has been told: what still comes of its deltas is late.
  if (text === '' || part.whole !== undefined) return
  part.buffer.push(text)
  showText(item, part, text, blocks, logprobs)
}

export function finishText(item: AnswerItem, part: Part, whole: string, blocks: BlockWriter): void {
  const missing = blocks.takeWhole(part, whole, 'text')
  if (missing !== '') showText(item, part, missing, blocks)
}

function showText(item: AnswerItem, part: Part, text: string, blocks: BlockWriter, logprobs?: unknown): void {
  const index = (part.block ??= blocks.start(item, 'text', undefined, part.place))
  if (blocks.withItems && Array.isArray(logprobs) && logprobs.length > 0) blocks.out.push({ type: 'block_delta', index, block: 'text', text, logprobs })
  else blocks.out.push({ type: 'block_delta', index, block: 'text', text })
}

function endTexts(item: AnswerItem, blocks: BlockWriter): void {
  if (item.ended) return
  item.ended = true
  for (const part of item.parts.values()) {
    if (part.block === undefined) continue
    const parts = blocks.withItems ? { parts: [{ ...part.place, wire: part.wire ?? buildPart(part) }] } : undefined
    blocks.out.push({ type: 'block_end', index: part.block, block: 'text', ...parts })
  }
}

function buildMessage(item: AnswerItem): JsonObject {
  const parts = [...item.parts.values()].sort((left, right) => left.place.index - right.place.index)
  return { type: 'message', role: 'assistant', content: parts.map(buildPart) }
}

function buildPart(part: Part): JsonObject {
  return part.place.kind === 'refusal'
    ? { type: 'refusal', refusal: part.text() }
    : { type: 'output_text', text: part.text(), annotations: part.annotations ?? [] }
}

export function annotateText(item: AnswerItem, event: AnnotationEvent, blocks: BlockWriter): void {
  if (item.done) return
  const part = item.part('text', event.content_index ?? 0)
  const position = (part.annotations ??= []).push(event.annotation) - 1
  if (blocks.withItems && part.block !== undefined) blocks.out.push({ type: 'block_annotation', index: part.block, annotation: event.annotation, position })
}
