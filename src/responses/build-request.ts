import { type ChatRequest, InvalidRequestError, type JsonObject, type LaneName, type Message, type ReasoningProvenance } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { arrangeItems } from './arrange-items.js'
import { wellFormed } from './canonical-json.js'
import { type ConversationMemo, createConversationMemo, type ItemMemo } from './item-memo.js'
import { mapMessage, type MappedMessage, type MessageContext, sumUp } from './message-items.js'
import type { ToolRepair } from './repair-tool-sequence.js'
import { buildFields } from './request-fields.js'
import { buildToolDefinitions, readForcedTool, type ToolDefinitions } from './tool-definitions.js'

/** The model a request goes to, and what it takes. */
export interface RequestModel {
  slug: string
  effort?: string
  /** `fast` reads `priority` */
  serviceTier?: string
  /** false leaves effort, summary and encrypted reasoning out */
  reasons: boolean
  supportsVerbosity: boolean
  supportsReasoningSummary: boolean
  acceptsImages: boolean
}

export interface BuildInput {
  request: ChatRequest
  model: RequestModel
  settings: {
    reasoningSummary?: string
    textVerbosity?: string
    /** in UTF-16 code units; absent or 0 means no limit */
    toolOutputMaxChars?: number
    extraRequestParams: JsonObject
  }
  lane: LaneName
  /** where this request goes: reasoning that came from elsewhere is not sent */
  provenance: ReasoningProvenance
  /** the conversation's name: its prompt cache key on the wire, and what `memo` knows it by */
  cacheKey?: string
  /** without one everything is built anew */
  memo?: ItemMemo
}

export interface BuiltRequest {
  /** every field but input */
  fields: JsonObject
  /** wire items, one canonical JSON text each */
  items: readonly string[]
  /** what was asked for and is not sent, by name */
  leftOut: readonly string[]
  repairs: readonly ToolRepair[]
  /** reasoning blocks that could not be sent back here */
  droppedReasoning: number
  /** the members of `fields` as JSON text, valid as long as they still are `of` */
  fieldsText?: { of: JsonObject; text: string }
}

const NO_TOOLS: ToolDefinitions = {
  tools: [], custom: new Set(), functions: new Set(), hosted: new Set(), leftOut: [],
}

/**
 * The Responses payload of a chat request. Pure but for the memo; the request is never changed, and
 * nothing of it is held by the answer but its strings.
 *
 * The same input gives the same bytes, and a request that extends another one has the other's items
 * as the beginning of its own, which is what the prompt cache and the chain live on.
 * @throws InvalidRequestError for what can't be sent, naming the message or the tool
 */
export function buildRequest(input: BuildInput): BuiltRequest {
  const { request, model, lane } = input
  if (!Array.isArray(request.messages)) throw new InvalidRequestError('the request has no messages', { model: model.slug })
  const memo = input.memo?.recall(input.cacheKey ?? '') ?? createConversationMemo()
  const tools = defineTools(input, memo)
  const first = request.messages.findIndex(isInstructions)
  const instructions = first === -1 ? '' : readInstructions(request.messages[first])
  const context: MessageContext = {
    provenance: input.provenance,
    isPlanLane: lane === 'plan',
    acceptsImages: model.acceptsImages,
    model: model.slug,
    toolOutputMaxChars: input.settings.toolOutputMaxChars || undefined,
    customTools: tools.custom,
  }
  const mapped = memo.mapMessages(request.messages, context, first, (message, index) =>
    index === first ? NOTHING : mapMessage(message, index, context),
  )
  const { droppedReasoning, unknownBlocks } = sumUp(mapped, model.slug)
  const { items, repairs } = arrangeItems(mapped, memo.arrangement)
  const { fields, leftOut, text } = memo.defineFields(input, instructions, tools, () => buildFields(input, instructions, tools))
  return {
    fields,
    items,
    leftOut: unknownBlocks.length === 0 ? leftOut : [...leftOut, ...unknownBlocks],
    repairs,
    droppedReasoning,
    fieldsText: { of: fields, text },
  }
}

const NOTHING: MappedMessage = { entries: [], droppedReasoning: 0, images: 0, imageBytes: 0, unknownBlocks: [] }

function defineTools({ request, lane }: BuildInput, memo: ConversationMemo): ToolDefinitions {
  const specs = request.tools
  if (!Array.isArray(specs) || specs.length === 0) return NO_TOOLS
  const forced = lane === 'plan' ? readForcedTool(request.tool_choice) : undefined
  return memo.defineTools(specs, `${lane} ${forced ?? ''}`, () => buildToolDefinitions(specs, lane, forced))
}

/** The first message from the host's side, where all of it is text: instructions take nothing else. */
function isInstructions(message: Message): boolean {
  if (message.role !== 'system' && message.role !== 'developer') return false
  return typeof message.content === 'string' || (Array.isArray(message.content) && message.content.every(isTextBlock))
}

function isTextBlock(block: unknown): boolean {
  return typeof block === 'string' || (isRecord(block) && block['type'] === 'text' && typeof block['text'] === 'string')
}

function readInstructions(message: Message | undefined): string {
  const content = message?.content ?? ''
  if (typeof content === 'string') return wellFormed(content)
  return wellFormed(content.map((block) => (isRecord(block) ? String(block['text'] ?? '') : String(block))).join('\n\n'))
}
