/** Maps our stream events to those of the Responses dialect, one answer long. */
import type { ChatResponse, JsonObject, StreamEvent } from '../contract/index.js'
import { buildOutputItem, type ResponseIdentity } from './response-object.js'
import { buildItemId } from './response-item.js'
import { createResponseWriter, type ResponseStreamEvent } from './response-writer.js'
import { createStreamTranslator } from './stream-to-answer-events.js'

export interface ResponseEventMapper {
  /**
   * The dialect's events for this one, often several; none after the end.
   * @param response with `message.end`: the whole answer, from which the last event takes its status,
   *   its items' extra fields and the reasoning that can be sent back
   */
  push(event: StreamEvent, response?: ChatResponse): ResponseStreamEvent[]
}

export function createResponseEventMapper(identity: ResponseIdentity): ResponseEventMapper {
  const writer = createResponseWriter(identity)
  const translate = createStreamTranslator()
  const streamed: JsonObject[] = []
  return {
    push(event, response) {
      if (event.type === 'error') return writer.fail({ code: event.error.code ?? event.error.type, message: event.error.message })
      const written = [...writer.begin(), ...writer.push(translate(event))]
      for (const { type, item } of written) if (type === 'response.output_item.done') streamed.push(item as JsonObject)
      if (event.type !== 'message.end') return written
      const whole = { content: [], usage: event.usage, ...response }
      return [...written, ...writer.end(whole, { output: response && finalOutput(identity, streamed, response) })]
    },
  }
}

/** The answer's items in the answer's order, under the ids that were streamed; blocks never streamed get new ones. */
function finalOutput({ responseId }: ResponseIdentity, streamed: readonly JsonObject[], response: ChatResponse): JsonObject[] {
  const left = [...streamed]
  const take = (matches: (item: JsonObject) => boolean): JsonObject | undefined => {
    const position = left.findIndex(matches)
    return position < 0 ? undefined : left.splice(position, 1)[0]
  }
  let extra = streamed.length
  return response.content.flatMap((block) => {
    const type = block.type === 'text' ? 'message' : block.type === 'thinking' ? 'reasoning' : block.type === 'hosted' ? String(block.item['type']) : 'function_call'
    const shown = block.type === 'thinking' && block.thinking === ''
      ? undefined
      : take((item) => (block.type === 'tool_call' ? item['call_id'] === block.id : item['type'] === type))
    const id = typeof shown?.['id'] === 'string' ? shown['id'] : buildItemId(responseId, type, extra++)
    const item = buildOutputItem(block, id)
    if (!item) return []
    // The text the model wrote, not another rendering of the same object.
    return [typeof shown?.['arguments'] === 'string' && 'arguments' in item ? { ...item, arguments: shown['arguments'] } : item]
  })
}
