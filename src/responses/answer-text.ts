/** A message of the answer: each part of its content is a block of text, which starts with its first text. */
import type { JsonObject } from '../contract/index.js'
import type { AnswerItem, BlockWriter, ItemRules, Part } from './answer-item.js'
import { readMessageParts } from './read-item-parts.js'

export const MESSAGE: ItemRules = {
  add() {},
  finish(item, wire, blocks) {
    item.wire = wire
    const parts = readMessageParts(wire)
    if (parts.length === 0 && item.parts.size > 0) item.wire = { ...wire, ...buildMessage(item) }
    else {
      for (const { index, text } of parts) finishText(item.part(index), text, blocks)
      for (const [key, part] of item.parts) {
        if (part.block !== undefined && !parts.some(({ index }) => index === key)) blocks.differs('text')
      }
    }
    endTexts(item, blocks)
    item.parts.clear()
  },
  end: (item, _end, blocks) => endTexts(item, blocks),
  build: (item) => (item.done ? item.wire : item.parts.size === 0 ? undefined : { ...item.wire, ...buildMessage(item) }),
}

export function growText(part: Part, text: string, blocks: BlockWriter): void {
  // The whole has been told: what still comes of its deltas is late.
  if (text === '' || part.whole !== undefined) return
  part.buffer.push(text)
  showText(part, text, blocks)
}

export function finishText(part: Part, whole: string, blocks: BlockWriter): void {
  const missing = blocks.takeWhole(part, whole, 'text')
  if (missing !== '') showText(part, missing, blocks)
}

function showText(part: Part, text: string, blocks: BlockWriter): void {
  const index = (part.block ??= blocks.start('text'))
  blocks.out.push({ type: 'block_delta', index, block: 'text', text })
}

function endTexts(item: AnswerItem, blocks: BlockWriter): void {
  for (const { block } of item.parts.values()) {
    if (block !== undefined && !item.ended) blocks.out.push({ type: 'block_end', index: block, block: 'text' })
  }
  item.ended = true
}

function buildMessage(item: AnswerItem): JsonObject {
  const parts = [...item.parts].sort(([left], [right]) => Number(left) - Number(right))
  const content = parts.map(([, part]) => (part.isRefusal
    ? { type: 'refusal', refusal: part.text() }
    : { type: 'output_text', text: part.text(), annotations: part.annotations }))
  return { type: 'message', role: 'assistant', content }
}
