/**
 * An item that the contract has no other block for: a tool that the server runs, a compaction, whatever comes
 * next. Its block starts when it is announced, tells its progress, and ends with the item itself.
 */
import type { AnswerItem, BlockWriter, ItemRules } from './answer-item.js'

export const HOSTED: ItemRules = {
  add(item, wire, blocks) {
    item.name = String(wire['type'])
    item.block = blocks.start(item, 'hosted', { name: item.name })
  },
  finish(item, wire, blocks) {
    item.wire = wire
    if (item.block === undefined) HOSTED.add(item, wire, blocks)
    endHosted(item, blocks)
  },
  end: (item, _end, blocks) => endHosted(item, blocks),
  build: (item) => (item.done ? item.wire : undefined),
}

function endHosted(item: AnswerItem, blocks: BlockWriter): void {
  if (item.ended || item.block === undefined) return
  item.ended = true
  blocks.out.push({ type: 'block_end', index: item.block, block: 'hosted', name: item.name, ...(item.done ? { item: item.wire } : undefined) })
}
