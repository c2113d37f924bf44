/** What the step mapper remembers of each item, and how its blocks grow. */
import { createShownText, endBlock, growBlock, NO_STEPS, type GrowingBlock, type ShownText } from './step-blocks.js'
import type { Step } from './steps.js'
import { endTool, type ToolBlock, type ToolEnd } from './tool-block.js'
import type { TrackedItem } from './track-items.js'

interface TextPart {
  block: GrowingBlock
  shown: ShownText
}

export interface StepItem extends TrackedItem {
  /** of a message: one block for each content part */
  texts: Map<number, TextPart>
  /** of a reasoning item: one block for all its parts */
  thinking: GrowingBlock
  thoughts: Map<string, ShownText>
  tool: ToolBlock | undefined
}

export type NextIndex = () => number

export function createStepItem(kind: TrackedItem['kind']): StepItem {
  return {
    kind, added: false, done: false, tool: undefined,
    texts: new Map(), thinking: { kind: 'thinking', index: undefined, ended: false }, thoughts: new Map(),
  }
}

export function findText(item: StepItem, contentIndex: number): TextPart {
  const known = item.texts.get(contentIndex)
  if (known) return known
  const part: TextPart = { block: { kind: 'text', index: undefined, ended: false }, shown: createShownText() }
  item.texts.set(contentIndex, part)
  return part
}

export function findThought(item: StepItem, key: string): ShownText {
  const known = item.thoughts.get(key)
  if (known) return known
  const shown = createShownText()
  item.thoughts.set(key, shown)
  return shown
}

/** Several parts read as paragraphs; the gap goes with the first text of the part that needs it. */
export function growThinking(item: StepItem, shown: ShownText, text: string, nextIndex: NextIndex): readonly Step[] {
  if (text === '') return NO_STEPS
  if (shown.length > 0 || item.thinking.index === undefined) return growBlock(item.thinking, shown, text, nextIndex)
  shown.length = text.length
  shown.last = text
  return growBlock(item.thinking, createShownText(), `\n\n${text}`, nextIndex)
}

export function endItem(item: StepItem, toolEnd: ToolEnd): Step[] {
  return [
    ...[...item.texts.values()].flatMap((part) => endBlock(part.block)),
    ...endBlock(item.thinking),
    ...(item.tool ? endTool(item.tool, toolEnd) : []),
  ]
}
