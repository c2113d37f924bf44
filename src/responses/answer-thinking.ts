/** A reasoning item of the answer: one block of thinking, its parts as paragraphs. */
import type { AnswerItem, BlockWriter, ItemRules, Part } from './answer-item.js'
import { readReasoningParts } from './read-item-parts.js'

export const REASONING: ItemRules = {
  add() {},
  finish(item, wire, blocks) {
    item.wire = wire
    for (const { key, text } of readReasoningParts(wire)) finishThought(item, key, text, blocks)
    item.parts.clear()
    endThinking(item, blocks)
  },
  end: (item, _end, blocks) => endThinking(item, blocks),
  build(item) {
    if (item.done) return item.wire
    const summary = [...item.parts.values()].map((part) => ({ type: 'summary_text', text: part.text() }))
    // The encrypted part of an unfinished thought is not the one that may be sent back.
    return { type: 'reasoning', id: item.wire?.['id'], summary }
  },
}

export function growThought(item: AnswerItem, key: string, text: string, blocks: BlockWriter): void {
  const part = item.part(key)
  if (text === '' || part.whole !== undefined) return
  const isFirst = part.buffer.isEmpty
  part.buffer.push(text)
  showThought(item, isFirst, text, blocks)
}

export function finishThought(item: AnswerItem, key: string, whole: string, blocks: BlockWriter): void {
  const part: Part = item.part(key)
  const isFirst = part.buffer.isEmpty
  // A summary may be cut short in the item: that takes nothing from what was thought.
  const missing = blocks.takeWhole(part, whole)
  if (missing !== '') showThought(item, isFirst, missing, blocks)
}

/** The gap between paragraphs goes with the first text of the part that needs it. */
function showThought(item: AnswerItem, isFirst: boolean, text: string, blocks: BlockWriter): void {
  const gap = isFirst && item.block !== undefined ? '\n\n' : ''
  const index = (item.block ??= blocks.start('thinking'))
  blocks.out.push({ type: 'block_delta', index, block: 'thinking', text: gap + text })
}

function endThinking(item: AnswerItem, blocks: BlockWriter): void {
  if (item.block !== undefined && !item.ended) blocks.out.push({ type: 'block_end', index: item.block, block: 'thinking' })
  item.ended = true
}
