/** The growing blocks behind the steps: what has been shown of each, and what is still owed. */
import type { Step } from './steps.js'

/** A stretch of text whose deltas are followed by the whole: what of it has been shown. */
export interface ShownText {
  /** in UTF-16 code units */
  length: number
  last: string
}

/** One block of steps; it starts with its first text, so an empty one never shows. */
export interface GrowingBlock {
  readonly kind: 'text' | 'thinking'
  /** undefined until it has started */
  index: number | undefined
  ended: boolean
}

export function createShownText(): ShownText {
  return { length: 0, last: '' }
}

/**
 * What is missing of `whole`. Nothing where the whole does not continue what was shown: shown text
 * can't be taken back, and the response has the whole. The check compares the last delta alone, so
 * the shown text need not be kept.
 */
export function missingText(shown: ShownText, whole: string): string {
  if (shown.length === 0) return whole
  if (whole.length <= shown.length) return ''
  return whole.startsWith(shown.last, shown.length - shown.last.length) ? whole.slice(shown.length) : ''
}

/** Appends text to a block, which starts it where it has not started. */
export function growBlock(
  block: GrowingBlock,
  shown: ShownText,
  text: string,
  nextIndex: () => number,
): readonly Step[] {
  if (text === '' || block.ended) return NO_STEPS
  shown.length += text.length
  shown.last = text
  if (block.index !== undefined) return [{ type: 'block_delta', index: block.index, block: block.kind, text }]
  const index = (block.index = nextIndex())
  return [
    { type: 'block_start', index, block: block.kind },
    { type: 'block_delta', index, block: block.kind, text },
  ]
}

export function endBlock(block: GrowingBlock): readonly Step[] {
  if (block.ended) return NO_STEPS
  block.ended = true
  return block.index === undefined ? NO_STEPS : [{ type: 'block_end', index: block.index, block: block.kind }]
}

export const NO_STEPS: readonly Step[] = Object.freeze([])
