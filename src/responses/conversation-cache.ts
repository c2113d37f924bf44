import type { JsonObject, Message, ToolSpec } from '../contract/index.js'
import { keepNewest } from '../lib/index.js'
import { createSettledHistory } from './settled-history.js'
import type { BuildInput } from './request-types.js'
import { CHECKPOINT_KEY } from './checkpoint.js'
import { buildHostedEntry } from './hosted-item.js'
import type { MappedMessage, MessageContext } from './message-items.js'
import type { RequestFields } from './request-fields.js'
import { writeFields } from './serialize-request.js'
import { matchesSnapshot, takeSnapshot, type Snapshot } from './snapshot.js'
import type { ToolDefinitions } from './tool-definitions.js'

type WrittenFields = RequestFields & { text: string }

interface Remembered {
  snapshot: Snapshot
  mapped: MappedMessage
}

const MAX_CONVERSATIONS = 32

/** What is remembered of conversations, the newest 32 of them: strings of their last requests, nothing that is to be closed. */
export class ConversationCache {
  readonly #conversations = new Map<string, CachedConversation>()

  /** @param key the conversation's name; the same name has the same memory as long as it is kept */
  recall(key: string): CachedConversation {
    const cached = this.#conversations.get(key) ?? new CachedConversation()
    keepNewest(this.#conversations, key, cached, MAX_CONVERSATIONS)
    return cached
  }
}

/**
 * What the last request of a conversation came to, so that the next one pays for its new messages
 * alone. A message is compared with what it was at the same place, field by field and at any depth,
 * so an edit in place is noticed and a copy with the same content counts as unchanged.
 */
export class CachedConversation {
  /** how far the history is settled */
  readonly history = createSettledHistory()
  #context: Snapshot
  #remembered: Remembered[] = []
  #checkpoint: { covers: readonly MappedMessage[]; stand: MappedMessage } | undefined
  #tools: { context: string; snapshot: Snapshot; definitions: ToolDefinitions } | undefined
  #fields: { sources: Snapshot; definitions: ToolDefinitions; written: WrittenFields } | undefined
  readonly #texts = new Map<string, { value: unknown; text: string }>()

  /**
   * @param context all that the items depend on besides the message; another one forgets everything
   * @param instructions which message went into the instructions, -1 for none
   * @param map is called for the messages that are new or changed
   */
  mapMessages(
    messages: readonly Message[], context: MessageContext, instructions: number, map: (message: Message, index: number) => MappedMessage,
  ): MappedMessage[] {
    const now = listContext(context, instructions)
    if (!matchesSnapshot(now, this.#context)) {
      this.#remembered = []
      this.#context = takeSnapshot(now)
    }
    const remembered = this.#remembered
    remembered.length = Math.min(remembered.length, messages.length)
    return messages.map((message, index) => {
      const known = remembered[index]
      const parts = readFields(message)
      if (known !== undefined && matchesSnapshot(parts, known.snapshot)) return known.mapped
      const mapped = map(message, index)
      remembered[index] = { snapshot: takeSnapshot(parts), mapped }
      return mapped
    })
  }

  /** From now on a checkpoint goes in place of the first `count` messages of the last request, for as long as they stay. */
  keepCheckpoint(item: JsonObject, count: number): void {
    const stand: MappedMessage = { entries: [buildHostedEntry(item)], droppedReasoning: 0, images: 0, imageBytes: 0, unknownBlocks: [] }
    this.#checkpoint = { covers: this.#remembered.slice(0, count).map(({ mapped }) => mapped), stand }
  }

  /** How many of the first messages of the last request a checkpoint stands for. */
  get covered(): number {
    return this.#checkpoint?.covers.length ?? 0
  }

  /** The messages, a kept checkpoint in place of those that it stands for; all of them where one has changed. */
  replaceCovered(mapped: MappedMessage[]): MappedMessage[] {
    if (this.#checkpoint === undefined) return mapped
    const { covers, stand } = this.#checkpoint
    if (covers.length <= mapped.length && covers.every((each, index) => mapped[index] === each)) return [stand, ...mapped.slice(covers.length)]
    this.#checkpoint = undefined
    return mapped
  }

  defineTools(specs: readonly ToolSpec[], context: string, build: () => ToolDefinitions): ToolDefinitions {
    const known = this.#tools
    if (known?.context === context && matchesSnapshot(specs, known.snapshot)) return known.definitions
    const definitions = build()
    this.#tools = { context, snapshot: takeSnapshot(specs), definitions }
    return definitions
  }

  /** Everything but the input, with its JSON text: made once as long as all that it comes from stays the same. */
  defineFields(input: BuildInput, instructions: string, definitions: ToolDefinitions, build: () => RequestFields): WrittenFields {
    const sources = listSources(input, instructions)
    const known = this.#fields
    if (known?.definitions === definitions && matchesSnapshot(sources, known.sources)) return known.written
    const built = build()
    const written = { ...built, text: writeFields(built.fields, (name, value) => this.#write(name, value)) }
    this.#fields = { sources: takeSnapshot(sources), definitions, written }
    return written
  }

  /** Instructions and tools are long, and stay when the fields around them change. */
  #write(name: string, value: unknown): string {
    if (name !== 'instructions' && name !== 'tools') return JSON.stringify(value)
    const known = this.#texts.get(name)
    if (known !== undefined && known.value === value) return known.text
    const text = JSON.stringify(value)
    this.#texts.set(name, { value, text })
    return text
  }
}

/** All that a message's items depend on besides the message. */
function listContext({ customTools, ...context }: MessageContext, instructionsAt: number): unknown[] {
  return [context, [...customTools], instructionsAt]
}

/** What a request's fields come from, besides the tools' definitions. To compare it takes a tenth of making the fields again. */
function listSources({ lane, cacheKey, compactThreshold, model, settings, request }: BuildInput, instructions: string): unknown[] {
  const { messages: _messages, tools: _tools, ...rest } = request
  return [lane, cacheKey, compactThreshold, model, settings.reasoningSummary, settings.textVerbosity, settings.extraRequestParams, instructions, rest]
}

/** The fields of a message that its items are made of. */
function readFields(message: Message): unknown[] {
  return [message.role, message.content, message.tool_call_id, message.name, message['tool_calls'], message.metadata?.[CHECKPOINT_KEY]]
}
