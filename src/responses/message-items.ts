import { InvalidRequestError, type JsonObject, type Message, type ReasoningProvenance } from '../contract/index.js'
import { isRecord, readString, wellFormed } from '../lib/index.js'
import { buildCall, type CallRules } from './build-call.js'
import { readCheckpoint } from './checkpoint.js'
import { buildHostedEntry } from './hosted-item.js'
import { readImage } from './image-limits.js'
import { unpackReasoning } from './pack-reasoning.js'
import { buildReasoningItem, isSameOrigin } from './reasoning-item.js'
import { buildToolOutput, isImage } from './tool-output.js'
import type { MessageEntry, WireEntry } from './wire-entry.js'

/** All that a message's items depend on besides the message. */
export interface MessageContext extends CallRules {
  provenance: ReasoningProvenance
  acceptsImages: boolean
  /** for errors */
  model: string
  /** undefined for no limit */
  toolOutputMaxChars: number | undefined
}

export interface MappedMessage {
  entries: readonly WireEntry[]
  droppedReasoning: number
  images: number
  /** decoded */
  imageBytes: number
  /** kinds of block that have no place on the wire */
  unknownBlocks: readonly string[]
  /** `here`: the entries begin with a compaction that stands for all before it · `elsewhere`: it can't be read where this goes */
  compacted?: 'here' | 'elsewhere'
}

interface State {
  readonly message: Message
  readonly index: number
  readonly context: MessageContext
  readonly role: MessageEntry['role']
  readonly entries: WireEntry[]
  readonly unknownBlocks: string[]
  readonly callIds: Set<string>
  /** the item that neighbouring texts and images go into */
  open: { phase: string | undefined; parts: JsonObject[] } | undefined
  droppedReasoning: number
  images: number
  imageBytes: number
  compacted: MappedMessage['compacted']
}

/**
 * A message as entries for the wire's input. Neighbouring texts and images become one item, calls,
 * results and reasoning one each, in the caller's order. Nothing of the message is changed.
 * @throws InvalidRequestError naming the message, for an image that can't be sent and for what has no JSON form
 */
export function mapMessage(message: Message, index: number, context: MessageContext): MappedMessage {
  const state: State = {
    message, index, context, role: toWireRole(message.role), entries: [], unknownBlocks: [], callIds: new Set(),
    open: undefined, droppedReasoning: 0, images: 0, imageBytes: 0, compacted: undefined,
  }
  try {
    readContent(state)
  } catch (error) {
    if (error instanceof RangeError) throw invalid(state, 'nests too deep to be sent', 'too_deep')
    if (!(error instanceof TypeError)) throw error
    throw invalid(state, `has no JSON form: ${error.message}`, 'invalid_message')
  }
  closeItem(state)
  const { entries, droppedReasoning, images, imageBytes, unknownBlocks, compacted } = state
  return { entries, droppedReasoning, images, imageBytes, unknownBlocks, ...(compacted !== undefined && { compacted }) }
}

function readContent(state: State): void {
  const { message } = state
  const { content } = message
  const checkpoint = readCheckpoint(message, state.context.provenance)
  if (checkpoint !== undefined && 'problem' in checkpoint) throw invalid(state, checkpoint.problem, checkpoint.code)
  if (checkpoint !== undefined) addEntry(state, buildHostedEntry(checkpoint.item))
  const isResult = message.role === 'tool' || message.role === 'function'
  if (isResult && !holdsResults(content)) addResult(state, message.tool_call_id, message.name, content)
  else if (typeof content === 'string') addText(state, content)
  else if (Array.isArray(content)) for (const block of content as unknown[]) addBlock(state, block)
  addCallsBeside(state)
}

function holdsResults(content: Message['content']): boolean {
  return Array.isArray(content) && content.some((block) => isRecord(block) && block['type'] === 'tool_result')
}

function addBlock(state: State, block: unknown): void {
  if (!isRecord(block)) {
    if (typeof block === 'string') addText(state, block)
    return
  }
  switch (block['type']) {
    case 'tool_call':
      // The text that the model wrote, where a history kept it: another spelling of the same object would break the prompt cache.
      addCall(state, block, block['id'], block['arguments_text'] ?? block['input'])
      return
    case 'tool_result':
      addResult(state, readString(block, 'tool_call_id'), block['name'], readResult(block))
      return
    case 'thinking':
    case 'reasoning':
      addReasoning(state, block)
      return
    case 'redacted_thinking':
      addRedacted(state, block)
      return
    case 'hosted':
      addHosted(state, block)
      return
    case 'input_file':
      addPart(state, buildFile(state, block), undefined)
      return
    default:
      if (isImage(block)) addPart(state, buildImage(state, block), undefined)
      else if (typeof block['text'] === 'string') addText(state, block['text'], readString(block, 'phase'))
      else state.unknownBlocks.push(`content block (${String(block['type'])})`)
  }
}

/** A result's `content` holds its texts and images in order; `output` beside it is the same in one text. */
function readResult(block: JsonObject): unknown {
  const { content, output } = block
  return Array.isArray(content) && content.length > 0 ? content : output
}

function addText(state: State, text: string, phase?: string): void {
  if (text === '') return
  const type = state.role === 'assistant' ? 'output_text' : 'input_text'
  addPart(state, { type, text: wellFormed(text) }, state.role === 'assistant' ? phase : undefined)
}

function addPart(state: State, part: JsonObject, phase: string | undefined): void {
  if (state.open !== undefined && state.open.phase !== phase) closeItem(state)
  state.open ??= { phase, parts: [] }
  state.open.parts.push(part)
}

function closeItem(state: State): void {
  if (state.open === undefined) return
  const { role } = state
  const { phase, parts } = state.open
  state.open = undefined
  // Models from gpt-5.3-codex on want their own phase back.
  const isPhase = phase === 'commentary' || phase === 'final_answer'
  const text = JSON.stringify({ type: 'message', role, content: parts, ...(isPhase && { phase }) })
  state.entries.push({ kind: 'message', role, text })
}

function addEntry(state: State, entry: WireEntry): void {
  closeItem(state)
  state.entries.push(entry)
}

function addCall(state: State, block: JsonObject, id: unknown, input: unknown): void {
  const callId = typeof id === 'string' ? id : String(id ?? '')
  state.callIds.add(callId)
  addEntry(state, buildCall(block, callId, input, state.context))
}

/** Calls that stand beside the content, as in a ChatResponse; one that is in it too counts once. */
function addCallsBeside(state: State): void {
  const calls = state.message['tool_calls']
  if (!Array.isArray(calls) || state.role !== 'assistant') return
  for (const call of (calls as unknown[]).filter(isRecord)) {
    const named = isRecord(call['function']) ? call['function'] : call
    if (state.callIds.has(String(call['id'] ?? '')) || !readString(named, 'name')) continue
    addCall(state, named, call['id'], named['arguments'] ?? named['input'])
  }
}

function addResult(state: State, id: string | null | undefined, name: unknown, output: unknown): void {
  const { toolOutputMaxChars: maxChars, acceptsImages } = state.context
  const result = buildToolOutput(output, { maxChars, acceptsImages })
  for (const image of result.images) countImage(state, image.bytes)
  addEntry(state, {
    kind: 'output', id: id ?? undefined, name: typeof name === 'string' ? name : undefined, output: result.text,
  })
}

function addReasoning(state: State, block: JsonObject): void {
  const entry = buildReasoningItem(block, state.context.provenance)
  if (entry === undefined) state.droppedReasoning += 1
  else addEntry(state, entry)
}

function addHosted(state: State, { item, content }: JsonObject): void {
  const origin: unknown = Array.isArray(content) ? content[2] : undefined
  if (!isRecord(item) || typeof item['type'] !== 'string') state.unknownBlocks.push('content block (hosted)')
  else if (origin !== undefined && !isSameOrigin(origin, state.context.provenance)) {
    state.droppedReasoning += 1
    if (item['type'] === 'compaction') state.compacted ??= 'elsewhere'
  } else {
    addEntry(state, buildHostedEntry(item))
    if (item['type'] === 'compaction' && !standsAlone(state.message)) beginWith(state)
  }
}

/** A compaction that is all of its message was put there by the host, which chose what stands before it; so the Codex CLI does. */
function standsAlone({ content }: Message): boolean {
  return Array.isArray(content) && content.length === 1
}

/** What stands before a compaction within an answer is in it. */
function beginWith(state: State): void {
  state.entries.splice(0, state.entries.length - 1)
  Object.assign(state, { images: 0, imageBytes: 0, compacted: 'here' })
}

/** Where a host has no hosted blocks, an item travels as a redacted thought whose data only we can read. */
function addRedacted(state: State, block: JsonObject): void {
  const [item, content] = unpackReasoning(readString(block, 'data') ?? '') ?? []
  if (isRecord(item)) addHosted(state, { item, content })
  else addReasoning(state, block)
}

/** `{filename?, file_data | file_url | file_id}`, as the wire has it. */
function buildFile(state: State, block: JsonObject): JsonObject {
  if (state.role === 'assistant') throw invalid(state, 'files go into user messages and tool results', 'invalid_file')
  const fields = ['filename', 'file_data', 'file_url', 'file_id', 'detail'].filter((name) => typeof block[name] === 'string')
  return { type: 'input_file', ...Object.fromEntries(fields.map((name) => [name, block[name]])) }
}

function buildImage(state: State, block: JsonObject): JsonObject {
  const { model, acceptsImages } = state.context
  if (state.role === 'assistant') throw invalid(state, 'images go into user messages and tool results', 'invalid_image')
  if (!acceptsImages) throw invalid(state, `model ${model} takes no images`, 'image_not_supported')
  const image = readImage(block)
  if (typeof image === 'string') throw invalid(state, `its image ${image}`, 'invalid_image')
  countImage(state, image.bytes)
  return image.part
}

function countImage(state: State, bytes: number): void {
  state.images += 1
  state.imageBytes += bytes
}

function toWireRole(role: string): MessageEntry['role'] {
  if (role === 'assistant') return 'assistant'
  return role === 'system' || role === 'developer' ? 'developer' : 'user'
}

function invalid({ message, index, context }: State, what: string, code: string): InvalidRequestError {
  return new InvalidRequestError(`messages[${index}] (${message.role}): ${what}`, { code, model: context.model })
}
