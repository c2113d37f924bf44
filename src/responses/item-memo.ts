import type { Message, ToolSpec } from '../contract/index.js'
import { createArrangement, type Arrangement } from './arrange-items.js'
import type { MappedMessage } from './message-items.js'
import { matchesSnapshot, takeSnapshot, type Snapshot } from './snapshot.js'
import type { ToolDefinitions } from './tool-definitions.js'

/** What is remembered of conversations, the newest {@link MAX_CONVERSATIONS} of them. */
export interface ItemMemo {
  /** @param key the conversation's name; the same name has the same memory as long as it is kept */
  recall(key: string): ConversationMemo
}

/**
 * What the last request of a conversation came to, so that the next one pays for its new messages
 * alone. A message is compared with what it was at the same place, field by field and at any depth,
 * so an edit in place is noticed and a copy with the same content counts as unchanged.
 */
export interface ConversationMemo {
  /**
   * @param context names all that the items depend on besides the message; another one forgets everything
   * @param map is called for the messages that are new or changed
   */
  mapMessages(
    messages: readonly Message[],
    context: string,
    map: (message: Message, index: number) => MappedMessage,
  ): MappedMessage[]
  defineTools(tools: readonly ToolSpec[], context: string, build: () => ToolDefinitions): ToolDefinitions
  /** how far the history is settled */
  readonly arrangement: Arrangement
  /** JSON text of a field's value, written once as long as `value` is the same string or object */
  fieldText(name: string, value: unknown): string
}

interface Remembered {
  snapshot: readonly Snapshot[]
  mapped: MappedMessage
}

const MAX_CONVERSATIONS = 32

/** Holds strings of the last requests and nothing else: there is nothing to close. */
export function createItemMemo(): ItemMemo {
  const conversations = new Map<string, ConversationMemo>()
  return {
    recall(key) {
      const memo = conversations.get(key) ?? createConversationMemo()
      conversations.delete(key)
      conversations.set(key, memo)
      if (conversations.size > MAX_CONVERSATIONS) for (const oldest of conversations.keys()) {
        conversations.delete(oldest)
        break
      }
      return memo
    },
  }
}

export function createConversationMemo(): ConversationMemo {
  let context: string | undefined
  let remembered: Remembered[] = []
  let tools: { context: string; snapshot: Snapshot; definitions: ToolDefinitions } | undefined
  const texts = new Map<string, { value: unknown; text: string }>()
  const arrangement = createArrangement()
  return {
    arrangement,
    mapMessages(messages, nextContext, map) {
      if (context !== nextContext) remembered = []
      context = nextContext
      remembered.length = Math.min(remembered.length, messages.length)
      return messages.map((message, index) => {
        const known = remembered[index]
        if (known !== undefined && isUnchanged(message, known.snapshot)) return known.mapped
        const mapped = map(message, index)
        remembered[index] = { snapshot: readFields(message).map((field) => takeSnapshot(field)), mapped }
        return mapped
      })
    },
    defineTools(specs, nextContext, build) {
      if (tools?.context === nextContext && matchesSnapshot(specs, tools.snapshot)) return tools.definitions
      const definitions = build()
      tools = { context: nextContext, snapshot: takeSnapshot(specs), definitions }
      return definitions
    },
    fieldText(name, value) {
      const known = texts.get(name)
      if (known !== undefined && known.value === value) return known.text
      const text = JSON.stringify(value)
      texts.set(name, { value, text })
      return text
    },
  }
}

/** The fields of a message that its items are made of. */
function readFields(message: Message): unknown[] {
  return [message.role, message.content, message.tool_call_id, message.name, message['tool_calls']]
}

function isUnchanged(message: Message, [role, content, toolCallId, name, toolCalls]: readonly Snapshot[]): boolean {
  return (
    message.role === role &&
    message.tool_call_id === toolCallId &&
    message.name === name &&
    matchesSnapshot(message.content, content) &&
    matchesSnapshot(message['tool_calls'], toolCalls)
  )
}
