import type { ChatResponse, StreamEventBody } from '../contract/index.js'

/** The stream that an answer which came whole would have begun with: each block whole, the end left out. */
export function contentToStream(content: ChatResponse['content']): StreamEventBody[] {
  return [{ type: 'message.start' }, ...content.flatMap((block): StreamEventBody[] => {
    switch (block.type) {
      case 'text':
        return [{ type: 'text.delta', text: block.text }]
      case 'thinking':
        return block.thinking === '' ? [] : [{ type: 'thinking.delta', text: block.thinking, visibility: 'internal' }]
      case 'tool_call': {
        const { id, name, input } = block
        return [{ type: 'tool_call.start', id, name }, { type: 'tool_call.end', id, name, arguments: input }]
      }
      case 'hosted': {
        const name = String(block.item['type'])
        return [{ type: 'hosted.start', name }, { type: 'hosted.end', name, item: block.item }]
      }
      default:
        return []
    }
  })]
}
