import type { ChatRequest, ChatResponse, ContentBlock, Message } from '../contract/index.js'

/**
 * The thoughts behind tool calls of the Chat Completions dialect, which has no place for them: what was
 * answered is known again by its tool call ids, and goes back to the model as it was.
 */
export interface ThoughtMemory {
  remember(owner: string, response: ChatResponse): void
  /** The request with what is known of its assistant messages; the request itself is not changed. */
  recall(owner: string, request: ChatRequest): ChatRequest
}

const MAX_BYTES = 32 * 1024 * 1024

/** Bounded by size; the least recently used thoughts go first. Never written anywhere. */
export function createThoughtMemory({ maxBytes = MAX_BYTES }: { maxBytes?: number } = {}): ThoughtMemory {
  const kept = new Map<string, { blocks: readonly ContentBlock[]; bytes: number }>()
  let bytes = 0
  const drop = (key: string): void => {
    bytes -= kept.get(key)?.bytes ?? 0
    kept.delete(key)
  }
  const recallMessage = (owner: string, message: Message): Message => {
    if (message.role !== 'assistant' || !Array.isArray(message.content)) return message
    const first = message.content.find((block) => block.type === 'tool_call')
    const key = first?.type === 'tool_call' ? `${owner}/${first.id}` : ''
    const entry = kept.get(key)
    if (!entry) return message
    kept.delete(key)
    kept.set(key, entry)
    const thoughts = entry.blocks.filter((block) => block.type === 'thinking')
    if (saysTheSame(message.content, entry.blocks)) return { ...message, content: [...entry.blocks] }
    return message.content.some((block) => block.type === 'thinking') ? message : { ...message, content: [...thoughts, ...message.content] }
  }
  return {
    remember(owner, { content }) {
      const call = content.find((block) => block.type === 'tool_call')
      if (call?.type !== 'tool_call' || !content.some((block) => block.type === 'thinking' || block['phase'] !== undefined)) return
      const key = `${owner}/${call.id}`
      drop(key)
      const size = JSON.stringify(content).length
      if (size > maxBytes) return
      kept.set(key, { blocks: content, bytes: size })
      bytes += size
      for (const oldest of kept.keys()) {
        if (bytes <= maxBytes) break
        drop(oldest)
      }
    },
    recall(owner, request) {
      if (kept.size === 0) return request
      return { ...request, messages: request.messages.map((message) => recallMessage(owner, message)) }
    },
  }
}

/** True where what the client shows of a message is the whole of what was answered. */
function saysTheSame(shown: readonly ContentBlock[], kept: readonly ContentBlock[]): boolean {
  return describe(shown) === describe(kept)
}

function describe(blocks: readonly ContentBlock[]): string {
  const text = blocks.map((block) => (block.type === 'text' ? block.text.trim() : '')).filter((part) => part !== '').join('\n\n')
  const calls = blocks.flatMap((block) => (block.type === 'tool_call' ? [[block.id, block.name, block.input]] : []))
  return JSON.stringify([text, calls])
}
