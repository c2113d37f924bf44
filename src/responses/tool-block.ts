/** A tool call's block: it starts once its name is known and ends with its arguments, decoded once. */
import type { JsonObject } from '../contract/index.js'
import { Fragments } from './fragments.js'
import { decodeArguments, parseArguments, readArgumentsText } from './read-arguments.js'
import { createShownText, missingText, NO_STEPS, type ShownText } from './step-blocks.js'
import type { Step } from './steps.js'

export interface ToolBlock {
  index: number | undefined
  ended: boolean
  custom: boolean
  callId: string
  name: string
  fragments: Fragments
  shown: ShownText
  /** the arguments as one text, once an event brought them whole */
  whole: string | undefined
}

export function createToolBlock(): ToolBlock {
  return {
    index: undefined, ended: false, custom: false, callId: '', name: '',
    fragments: new Fragments(), shown: createShownText(), whole: undefined,
  }
}

export function pushArguments(block: ToolBlock, delta: string): readonly Step[] {
  if (block.ended || delta === '') return NO_STEPS
  block.fragments.push(delta)
  return block.index === undefined ? NO_STEPS : [showArguments(block, block.index, delta)]
}

/** The arguments have come whole: shows what no delta had shown. */
export function finishArguments(block: ToolBlock, value: unknown): readonly Step[] {
  const whole = readArgumentsText(value)
  if (block.ended || whole === undefined || (whole === '' && block.fragments.length > 0)) return NO_STEPS
  block.whole = whole
  if (block.index === undefined) return NO_STEPS
  const missing = missingText(block.shown, whole)
  return missing === '' ? NO_STEPS : [showArguments(block, block.index, missing)]
}

/** Takes the name and the id from the item; starts the block where both are there, with what had come before. */
export function identifyTool(block: ToolBlock, item: JsonObject, fallbackId: string, nextIndex: () => number): readonly Step[] {
  block.custom = item['type'] === 'custom_tool_call'
  if (block.index !== undefined || block.ended) return NO_STEPS
  block.name = readText(item['name']) ?? block.name
  block.callId = readText(item['call_id']) ?? readText(item['id']) ?? fallbackId
  if (block.name === '') return NO_STEPS
  const index = (block.index = nextIndex())
  const start: Step = { type: 'block_start', index, block: 'tool_use', toolCallId: block.callId, name: block.name }
  const waiting = block.whole ?? block.fragments.text()
  return waiting === '' ? [start] : [start, showArguments(block, index, waiting)]
}

/** What brings a call to its end: its item came whole or cut off, or the answer ended one way or the other. */
export type ToolEnd = 'item_done' | 'item_cut' | 'completed' | 'incomplete' | 'failed'

/**
 * Ends the block: with its arguments where the call is whole, without them where it is half a call,
 * which nobody may run. A finished item whose text is no JSON object stays open until the answer
 * itself has ended: after a good end it is the model's mistake (`_raw`), after a cut it is half a call.
 */
export function endTool(block: ToolBlock, end: ToolEnd): readonly Step[] {
  if (block.ended) return NO_STEPS
  if (end === 'item_done') block.whole ??= block.fragments.text()
  const text = block.whole ?? (end === 'completed' ? block.fragments.text() : '')
  const decoded = block.custom || text === '' ? undefined : parseArguments(text)
  const isReadable = block.custom ? block.whole !== undefined : decoded !== undefined
  const isEmptyCall = block.whole === '' && !block.custom
  if (end === 'item_done' && !isReadable && !isEmptyCall) return NO_STEPS
  block.ended = true
  if (block.index === undefined) return NO_STEPS
  const step = { type: 'block_end', index: block.index, block: 'tool_use', toolCallId: block.callId, name: block.name } as const
  const isWhole =
    end === 'item_done' ||
    (end === 'completed' && (block.whole !== undefined || isReadable)) ||
    (end === 'incomplete' && block.whole !== undefined && (isReadable || isEmptyCall))
  return isWhole ? [{ ...step, arguments: decoded ?? decodeArguments(text, block.custom ? 'custom' : 'function') }] : [step]
}

function showArguments(block: ToolBlock, index: number, text: string): Step {
  block.shown.length += text.length
  block.shown.last = text
  return { type: 'block_delta', index, block: 'tool_use', text, toolCallId: block.callId }
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
