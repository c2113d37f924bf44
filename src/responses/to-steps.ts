/**
 * Maps wire events to steps: blocks that start, grow and end, numbered in the order in which they
 * first show. Every block that started ends once, when its item is done or the answer has ended.
 */
import type { JsonObject } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { partToDone, readMessageParts, readReasoningParts, reasoningKey } from './read-item-parts.js'
import { readTerminal, type Terminal } from './read-terminal.js'
import { growBlock, missingText, NO_STEPS } from './step-blocks.js'
import { createStepItem, endItem, findText, findThought, growThinking, type NextIndex, type StepItem } from './step-items.js'
import type { Step } from './steps.js'
import { createToolBlock, finishArguments, identifyTool, pushArguments } from './tool-block.js'
import { createItemTracker, type ItemTracker } from './track-items.js'
import type { ArgumentsDone, ItemEvent, ReasoningDelta, ReasoningDone, TerminalEvent, TextDone, WireEvent } from './wire-events.js'

export interface StepMapper {
  /** The steps that this event makes, often none; after the terminal event none. */
  push(event: WireEvent): readonly Step[]
  /** what the next block will be numbered */
  nextIndex(): number
}

interface MapperState {
  readonly tracker: ItemTracker<StepItem>
  readonly nextIndex: NextIndex
  itemsDone: number
  ended: boolean
}

/** @param options.firstIndex where the numbers start, for an answer that goes on after another; default 0 */
export function createStepMapper({ firstIndex = 0 }: { firstIndex?: number } = {}): StepMapper {
  let count = firstIndex
  const state: MapperState = { tracker: createItemTracker(createStepItem), nextIndex: () => count++, itemsDone: 0, ended: false }
  return {
    push: (event) => (state.ended ? NO_STEPS : onEvent(state, event)),
    nextIndex: () => count,
  }
}

function onEvent(state: MapperState, event: WireEvent): readonly Step[] {
  switch (event.type) {
    case 'response.output_text.delta':
    case 'response.refusal.delta': {
      const part = findText(state.tracker.forDelta(event, 'message'), event.content_index ?? 0)
      return growBlock(part.block, part.shown, event.delta, state.nextIndex)
    }
    case 'response.function_call_arguments.delta':
    case 'response.custom_tool_call_input.delta': {
      const item = state.tracker.forDelta(event, 'tool')
      return pushArguments((item.tool ??= createToolBlock()), event.delta)
    }
    case 'response.reasoning_summary_text.delta':
    case 'response.reasoning_text.delta':
      return onThought(state, event, event.delta)
    default:
      return onOther(state, event)
  }
}

function onOther(state: MapperState, event: WireEvent): readonly Step[] {
  switch (event.type) {
    case 'response.output_text.done':
    case 'response.refusal.done':
      return onTextDone(state, event)
    case 'response.reasoning_summary_text.done':
    case 'response.reasoning_text.done':
      return onThought(state, event)
    case 'response.function_call_arguments.done':
    case 'response.custom_tool_call_input.done':
      return onArgumentsDone(state, event)
    case 'response.content_part.done':
    case 'response.reasoning_summary_part.done': {
      const done = partToDone(event)
      return done ? onOther(state, done) : NO_STEPS
    }
    case 'response.output_item.added':
      return onItemAdded(state, event)
    case 'response.output_item.done':
      return onItemDone(state, event)
    case 'response.created':
    case 'response.in_progress':
    case 'response.content_part.added':
      return NO_STEPS
    default: {
      const terminal = readTerminal(event)
      return terminal ? onTerminal(state, event, terminal) : NO_STEPS
    }
  }
}

function onTextDone(state: MapperState, event: TextDone): readonly Step[] {
  const part = findText(state.tracker.forDelta(event, 'message'), event.content_index ?? 0)
  return growBlock(part.block, part.shown, missingText(part.shown, event.text ?? ''), state.nextIndex)
}

/** @param delta absent where the event brings the part's whole text */
function onThought(state: MapperState, event: ReasoningDelta | ReasoningDone, delta?: string): readonly Step[] {
  const item = state.tracker.forDelta(event, 'reasoning')
  const shown = findThought(item, reasoningKey(event))
  return growThinking(item, shown, delta ?? missingText(shown, 'text' in event ? event.text : ''), state.nextIndex)
}

function onArgumentsDone(state: MapperState, event: ArgumentsDone): readonly Step[] {
  const item = state.tracker.forDelta(event, 'tool')
  const block = (item.tool ??= createToolBlock())
  if (event.type === 'response.custom_tool_call_input.done') block.custom = true
  return finishArguments(block, event.arguments ?? event.input)
}

function onItemAdded(state: MapperState, event: ItemEvent): readonly Step[] {
  const item = state.tracker.forItem(event)
  if (item.added || item.done) return NO_STEPS
  item.added = true
  if (item.kind !== 'tool') return NO_STEPS
  return identifyTool((item.tool ??= createToolBlock()), event.item, fallbackId(event), state.nextIndex)
}

function onItemDone(state: MapperState, event: ItemEvent): readonly Step[] {
  const item = state.tracker.forItem(event)
  if (item.done) return NO_STEPS
  item.done = true
  state.itemsDone++
  const isCut = event.item['status'] === 'incomplete'
  const grown = growWhole(state, item, event, isCut)
  return [...grown, ...endItem(item, isCut ? 'item_cut' : 'item_done')]
}

/** Shows whatever of the finished item no delta had shown. */
function growWhole(state: MapperState, item: StepItem, event: ItemEvent, isCut: boolean): readonly Step[] {
  if (item.kind === 'message') {
    return readMessageParts(event.item).flatMap(({ index, text }) => {
      const part = findText(item, index)
      return growBlock(part.block, part.shown, missingText(part.shown, text), state.nextIndex)
    })
  }
  if (item.kind === 'reasoning') {
    return readReasoningParts(event.item).flatMap(({ key, text }) => {
      const shown = findThought(item, key)
      return growThinking(item, shown, missingText(shown, text), state.nextIndex)
    })
  }
  if (item.kind !== 'tool') return NO_STEPS
  const block = (item.tool ??= createToolBlock())
  // Half a call that nobody has seen the start of stays unseen.
  if (isCut && block.index === undefined) block.ended = true
  return [
    ...identifyTool(block, event.item, fallbackId(event), state.nextIndex),
    ...finishArguments(block, event.item['arguments'] ?? event.item['input']),
  ]
}

function onTerminal(state: MapperState, event: WireEvent, terminal: Terminal): readonly Step[] {
  state.ended = true
  const isAnswer = terminal.kind === 'completed' || terminal.kind === 'incomplete'
  const shown = isAnswer ? showOutput(state, (event as TerminalEvent).response) : []
  const end = isAnswer ? terminal.kind : 'failed'
  return [...shown, ...state.tracker.items.flatMap((item) => endItem(item, end))]
}

/** The terminal's own output counts for items that no event reported done. */
function showOutput(state: MapperState, response: JsonObject): Step[] {
  const output: unknown[] = Array.isArray(response['output']) ? response['output'] : []
  const isOnlySource = state.itemsDone === 0
  return output.flatMap((item, position) => {
    if (!isRecord(item) || typeof item['type'] !== 'string') return []
    const known = state.tracker.find(item)
    if (known ? known.done : !isOnlySource) return []
    const index = known?.index ?? position
    return [...onItemDone(state, { type: 'response.output_item.done', output_index: index, item: item as ItemEvent['item'] })]
  })
}

function fallbackId(event: ItemEvent): string {
  return event.item_id ?? `call_${event.output_index ?? 0}`
}
