/**
 * A call of the caller's tool, with JSON arguments or the text of a custom tool. Its block starts once the
 * name is known. It ends with arguments, and the response holds it, only where the call came whole.
 */
import type { JsonObject } from '../contract/index.js'
import { readString } from '../lib/index.js'
import type { AnswerItem, BlockWriter, ItemRules } from './answer-item.js'
import { decodeArguments, parseArguments, readArgumentsText, readCallText } from './read-arguments.js'

export const TOOL_CALL: ItemRules = {
  add: identify,
  finish(item, wire, blocks) {
    if (wire['status'] === 'incomplete') {
      endCall(item, undefined, blocks)
      return
    }
    const told = readCallText(wire)
    // A finished call may have forgotten the arguments that its deltas brought.
    const text = told || argumentsOf(item)
    item.wire = told ? wire : withArguments(wire, text)
    identify(item, wire, blocks)
    finishArguments(item, text, blocks)
    const input = isCustom(wire) ? { input: text } : parseArguments(text)
    // Text that is no JSON object waits for the answer's end: a good one makes it the model's mistake, a cut half a call.
    if (input) endCall(item, input, blocks)
  },
  end(item, end, blocks) {
    if (item.ended) return
    const input = end === 'completed' ? readWhole(item) : undefined
    endCall(item, input, blocks)
  },
  build: (item) => (item.isWhole ? item.wire : undefined),
}

/** What came of a call that never came whole, or of one that did. */
export function describeCall(item: AnswerItem, wire: JsonObject): JsonObject {
  return withArguments(wire, argumentsOf(item))
}

export function growArguments(item: AnswerItem, delta: string, blocks: BlockWriter): void {
  const part = item.part('text', 0)
  if (delta === '' || part.whole !== undefined) return
  part.buffer.push(delta)
  if (item.block !== undefined) showArguments(item, item.block, delta, blocks)
}

/** The arguments have come whole: shows what no delta had shown. */
export function finishArguments(item: AnswerItem, value: unknown, blocks: BlockWriter): void {
  const part = item.part('text', 0)
  const whole = readArgumentsText(value)
  if (whole === undefined || (whole === '' && !part.buffer.isEmpty)) return
  if (item.block === undefined) {
    part.whole = whole
    return
  }
  const missing = blocks.takeWhole(part, whole, 'call')
  if (missing !== '') showArguments(item, item.block, missing, blocks)
}

/** Takes name and id from the item; starts the block once there is a name, with what had come before. */
function identify(item: AnswerItem, wire: JsonObject, blocks: BlockWriter): void {
  const name = readString(wire, 'name') || item.name
  if (item.block !== undefined && name !== item.name) blocks.differs('call')
  item.name = name
  if (item.block !== undefined || name === '') return
  item.blockId = readString(wire, 'call_id') || readString(wire, 'id') || item.itemId || `call_${item.index ?? blocks.nextIndex}`
  item.block = blocks.start(item, 'tool_use', { toolCallId: item.blockId, name })
  const part = item.parts.get(0)
  const waiting = part?.text() ?? ''
  if (waiting === '') return
  part?.buffer.set(waiting)
  showArguments(item, item.block, waiting, blocks)
}

function showArguments(item: AnswerItem, index: number, text: string, blocks: BlockWriter): void {
  blocks.out.push({ type: 'block_delta', index, block: 'tool_use', text, toolCallId: item.blockId })
}

function endCall(item: AnswerItem, input: JsonObject | undefined, blocks: BlockWriter): void {
  if (item.ended) return
  item.ended = true
  if (item.block !== undefined) {
    item.isWhole = input !== undefined
    const text = blocks.withItems ? { text: argumentsOf(item) } : undefined
    const called = input ? { arguments: input } : undefined
    blocks.out.push({ type: 'block_end', index: item.block, block: 'tool_use', toolCallId: item.blockId, name: item.name, ...called, ...text })
  }
}

/** What a call says that is still open when its answer ends well; undefined where it never came whole. */
function readWhole(item: AnswerItem): JsonObject | undefined {
  const { wire } = item
  if (!wire) return undefined
  const text = argumentsOf(item)
  const isTold = item.done || item.parts.get(0)?.whole !== undefined
  const custom = isCustom(wire)
  const told = isTold || (text !== '' && (custom ? item.parts.get(0) === undefined : parseArguments(text) !== undefined))
  if (!told) return undefined
  item.wire = withArguments(wire, text)
  return decodeArguments(text, custom ? 'custom' : 'function')
}

/** What deltas and done events brought; where there were none, what the item came with. */
function argumentsOf(item: AnswerItem): string {
  const text = item.parts.get(0)?.text() ?? ''
  return text === '' && item.wire ? readCallText(item.wire) : text
}

function withArguments(wire: JsonObject, text: string): JsonObject {
  const key = isCustom(wire) ? 'input' : 'arguments'
  return wire[key] === text ? wire : { ...wire, [key]: text }
}

function isCustom(wire: JsonObject): boolean {
  return wire['type'] === 'custom_tool_call'
}
