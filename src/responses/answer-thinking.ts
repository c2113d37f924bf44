/** A reasoning item of the answer: one block of thinking, its parts as paragraphs. */
import type { AnswerItem, BlockWriter, ItemRules, Part } from './answer-item.js'
import { readReasoningParts } from './read-item-parts.js'
import type { ReasoningDelta, ReasoningDone } from './wire-events.js'

const PARAGRAPH = '\n\n'

export const REASONING: ItemRules = {
  add() {},
  finish(item, wire, blocks) {
    item.wire = wire
    for (const { kind, index, text } of readReasoningParts(wire)) finishThought(item, item.part(kind, index), text, blocks)
    endThinking(item, blocks)
    item.parts.clear()
  },
  end: (item, _end, blocks) => endThinking(item, blocks),
  build(item) {
    if (item.done) return item.wire
    const summary = [...item.parts.values()].map((part) => ({ type: 'summary_text', text: part.text() }))
    // The encrypted part of an unfinished thought is not the one that may be sent back.
    return { type: 'reasoning', id: item.wire?.['id'], summary }
  },
}

export function thoughtPart(item: AnswerItem, event: ReasoningDelta | ReasoningDone): Part {
  return event.type.startsWith('response.reasoning_summary') ? item.part('summary', event.summary_index ?? 0) : item.part('reasoning', event.content_index ?? 0)
}

export function growThought(item: AnswerItem, part: Part, text: string, blocks: BlockWriter): void {
  if (text === '' || part.whole !== undefined) return
  const isFirst = part.buffer.isEmpty
  part.buffer.push(text)
  showThought(item, part, isFirst, text, blocks)
}

export function finishThought(item: AnswerItem, part: Part, whole: string, blocks: BlockWriter): void {
  const isFirst = part.buffer.isEmpty
  // A summary may be cut short in the item: that takes nothing from what was thought.
  const missing = blocks.takeWhole(part, whole)
  if (missing !== '') showThought(item, part, isFirst, missing, blocks)
}

/** The gap between paragraphs goes with the first text of the part that needs it. */
function showThought(item: AnswerItem, part: Part, isFirst: boolean, text: string, blocks: BlockWriter): void {
  const gap = isFirst && item.block !== undefined ? PARAGRAPH : ''
  const index = (item.block ??= blocks.start(item, 'thinking'))
  const delta = { type: 'block_delta', index, block: 'thinking', text: gap + text } as const
  blocks.out.push(blocks.withItems ? { ...delta, part: part.place, gap: gap.length } : delta)
}

function endThinking(item: AnswerItem, blocks: BlockWriter): void {
  if (item.block !== undefined && !item.ended) {
    const parts = blocks.withItems
      ? { parts: [...item.parts.values()].map((part) => ({ ...part.place, wire: { type: part.place.kind === 'summary' ? 'summary_text' : 'reasoning_text', text: part.text() } })) }
      : undefined
    blocks.out.push({ type: 'block_end', index: item.block, block: 'thinking', ...parts })
  }
  item.ended = true
}
