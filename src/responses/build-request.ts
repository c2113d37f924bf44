import { InvalidRequestError, type Message } from '../contract/index.js'
import { isRecord, wellFormed } from '../lib/index.js'
import { settleHistory } from './settled-history.js'
import { CachedConversation, type ConversationCache } from './conversation-cache.js'
import { MAX_REQUEST_IMAGE_BYTES, MAX_REQUEST_IMAGES } from './image-limits.js'
import { mapMessage, type MappedMessage, type MessageContext } from './message-items.js'
import { buildFields } from './request-fields.js'
import type { BuildInput, BuiltRequest } from './request-types.js'
import { buildToolDefinitions } from './tool-definitions.js'

/**
 * The Responses payload of a chat request. Pure but for the cache; the request is never changed, and
 * nothing of it is held by the answer but its strings.
 *
 * The same input gives the same bytes, and a request that extends another one has the other's items
 * as the beginning of its own, which is what the prompt cache and the chain live on.
 * @param cache what earlier requests came to; without one everything is built anew
 * @throws InvalidRequestError for what can't be sent, naming the message or the tool
 */
export function buildRequest(input: BuildInput, cache?: ConversationCache): BuiltRequest {
  const { request, model, lane } = input
  if (!Array.isArray(request.messages)) throw new InvalidRequestError('the request has no messages', { model: model.slug })
  const conversation = cache?.recall(input.cacheKey ?? '') ?? new CachedConversation()
  const specs = Array.isArray(request.tools) ? request.tools : []
  const tools = conversation.defineTools(specs, lane, () => buildToolDefinitions(specs, lane))
  const first = findInstructions(request.messages)
  const instructions = first === -1 ? '' : readInstructions(request.messages[first])
  const context: MessageContext = {
    provenance: input.provenance,
    acceptsImages: model.acceptsImages,
    model: model.slug,
    toolOutputMaxChars: input.settings.toolOutputMaxChars || undefined,
    customTools: tools.custom,
  }
  const mapped = conversation.mapMessages(request.messages, context, first, (message, index) =>
    index === first ? NOTHING : mapMessage(message, index, context),
  )
  const sent = leaveOutCompacted(conversation.replaceCovered(mapped), model.slug)
  const { droppedReasoning, unknownBlocks } = sumUp(sent, model.slug)
  const { items: settled, repairs } = settleHistory(sent, conversation.history)
  const items = input.asCheckpoint ? [...settled, COMPACTION_TRIGGER] : settled
  const { fields, leftOut, changed, text } = conversation.defineFields(input, instructions, tools, () => buildFields(input, instructions, tools))
  return {
    fields,
    items: tools.item === undefined ? items : [tools.item, ...items],
    leftOut: unknownBlocks.length === 0 ? leftOut : [...leftOut, ...unknownBlocks],
    changed,
    repairs,
    droppedReasoning,
    fieldsText: { of: fields, text },
  }
}

/** Asks for a checkpoint of all that stands before it. */
const COMPACTION_TRIGGER = JSON.stringify({ type: 'compaction_trigger' })
const NOTHING: MappedMessage = { entries: [], droppedReasoning: 0, images: 0, imageBytes: 0, unknownBlocks: [] }

/**
 * The first system message, or a developer message that the history begins with. One that a loop has added behind its
 * turns changes with each of them: as instructions, which stand before all else, it broke the cached prefix of every turn.
 */
function findInstructions(messages: readonly Message[]): number {
  let isBeginning = true
  return messages.findIndex((message) => {
    const { role } = message
    if (role !== 'system' && role !== 'developer') isBeginning = false
    return (role === 'system' || (role === 'developer' && isBeginning)) && isText(message)
  })
}

/** Instructions take nothing else. */
function isText(message: Message): boolean {
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

/**
 * A history from its newest compaction on: what stands before it is in it, and would only fill the window again. One that
 * this call's backend can't read is left out, the readable messages before it go in its place.
 * @throws InvalidRequestError where there are none, since the answer would be given without the history
 */
function leaveOutCompacted(mapped: readonly MappedMessage[], model: string): readonly MappedMessage[] {
  const from = mapped.findLastIndex(({ compacted }) => compacted === 'here')
  const lost = mapped.findLastIndex(({ compacted }) => compacted === 'elsewhere')
  if (lost > from && !mapped.slice(Math.max(from, 0), lost).some(({ entries }) => entries.length > 0)) {
    throw new InvalidRequestError(
      `messages[${lost}]: its compaction was made for another account, lane or model family, and the messages that it stands for are not there: send them too`,
      { code: 'checkpoint_elsewhere', model },
    )
  }
  return from <= 0 ? mapped : mapped.slice(from)
}

/**
 * What the messages of a request come to together.
 * @throws InvalidRequestError naming the message with which the images become too many or too large
 */
function sumUp(mapped: readonly MappedMessage[], model: string): { droppedReasoning: number; unknownBlocks: readonly string[] } {
  const unknownBlocks = new Set<string>()
  let droppedReasoning = 0
  let images = 0
  let bytes = 0
  for (const [index, message] of mapped.entries()) {
    droppedReasoning += message.droppedReasoning
    for (const kind of message.unknownBlocks) unknownBlocks.add(kind)
    images += message.images
    bytes += message.imageBytes
    if (images <= MAX_REQUEST_IMAGES && bytes <= MAX_REQUEST_IMAGE_BYTES) continue
    const limit = `${MAX_REQUEST_IMAGES} images, ${MAX_REQUEST_IMAGE_BYTES} bytes`
    throw new InvalidRequestError(`messages[${index}]: with this message the request's images pass the limit (${limit})`, {
      code: 'too_many_images', model,
    })
  }
  return { droppedReasoning, unknownBlocks: [...unknownBlocks] }
}
