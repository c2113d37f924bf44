import type { ChatResponse, StreamEvent } from '../contract/index.js'
import type { BlockEvent } from '../responses/index.js'
import type { Outcome } from './call.js'
import { StreamWriter } from './sink.js'

/** An answer that was not streamed, as the events of one: each block whole. */
export async function tellContent(writer: StreamWriter, content: ChatResponse['content']): Promise<StreamEvent[]> {
  return writer.write(content.flatMap((block, index): BlockEvent[] => {
    if (block.type === 'text') return [{ type: 'block_delta', index, block: 'text', text: block.text }]
    if (block.type === 'thinking') return block.thinking === '' ? [] : [{ type: 'block_delta', index, block: 'thinking', text: block.thinking }]
    if (block.type === 'hosted') {
      const hosted = { index, block: 'hosted' as const, name: String(block.item['type']) }
      return [{ type: 'block_start', ...hosted }, { type: 'block_end', ...hosted, item: block.item }]
    }
    if (block.type !== 'tool_call') return []
    const tool = { index, block: 'tool_use' as const, toolCallId: block.id, name: block.name }
    return [{ type: 'block_start', ...tool }, { type: 'block_end', ...tool, arguments: block.input }]
  }))
}

/** The whole stream of a call whose events nobody read while it ran; the host has been told of it already. */
export async function tellOutcome(outcome: Outcome, options: { sessionId: string; thinking: boolean; now: () => number }): Promise<StreamEvent[]> {
  const writer = new StreamWriter(options)
  const { response, error } = outcome
  if (error) return [...(error.partial ? await tellContent(writer, error.partial.content) : []), ...writer.fail(error)]
  return [...(await tellContent(writer, response.content)), ...writer.end(response.usage ?? null, response.degradation ? [response.degradation] : [])]
}
