/** Stream events as the events of an answer that they were written from, for who has nothing else: another provider's stream, or a whole answer. */
import type { AnswerEvent, ChatResponse, JsonObject, StreamEvent, StreamEventBody } from '../contract/index.js'
import { contentToStream } from '../responses/content-to-stream.js'
import { renderArguments } from '../responses/read-arguments.js'

interface Item {
  kind: 'message' | 'reasoning' | 'function_call' | 'hosted'
  index: number
  wire: JsonObject
  pieces: string[]
}

/** @returns the answer's events for one stream event, often none; one translator an answer */
export function createStreamTranslator(): (event: StreamEvent) => AnswerEvent[] {
  const translator = new StreamTranslator()
  return (event) => translator.push(event)
}

const PLACES = { message: { block: 'text', kind: 'text' }, reasoning: { block: 'thinking', kind: 'summary' } } as const

class StreamTranslator {
  #items = 0
  /** what grows now, but for calls, of which several may */
  #current: Item | undefined
  readonly #calls = new Map<string, Item>()

  push(event: StreamEvent): AnswerEvent[] {
    switch (event.type) {
      case 'text.delta':
        return this.#grow('message', event.text)
      case 'thinking.delta':
        return this.#grow('reasoning', event.text)
      case 'tool_call.start':
        return this.#startCall(event.id, event.name)
      case 'tool_call.delta':
        return this.#growCall(event.id, event.arguments_fragment)
      case 'tool_call.end':
        return this.#endCall(event)
      case 'hosted.start':
        return this.#startHosted(event.name)
      case 'hosted.progress':
        return this.#current?.kind === 'hosted' ? [{ type: 'block_progress', index: this.#current.index, block: 'hosted', name: event.name, event: event.event }] : []
      case 'hosted.end':
        return event.item ? this.#endHosted(event.name, event.item) : this.#close()
      case 'message.end':
        return this.#close()
      default:
        return []
    }
  }

  #grow(type: keyof typeof PLACES, text: string): AnswerEvent[] {
    const { block, kind } = PLACES[type]
    const part = { kind, index: 0 }
    const events: AnswerEvent[] = []
    let item = this.#current
    if (item?.kind !== type) {
      events.push(...this.#close())
      item = this.#current = this.#open(type, { type }, events)
      events.push({ type: 'block_start', index: item.index, block, item, part })
    }
    item.pieces.push(text)
    return [...events, { type: 'block_delta', index: item.index, block, text, part }]
  }

  #open(kind: Item['kind'], wire: JsonObject, events: AnswerEvent[]): Item {
    const item: Item = { kind, index: this.#items++, wire, pieces: [] }
    events.push({ type: 'item_start', item, wire })
    return item
  }

  #close(): AnswerEvent[] {
    const item = this.#current
    this.#current = undefined
    if (!item) return []
    if (item.kind !== 'message' && item.kind !== 'reasoning') return [{ type: 'item_end', item, wire: item.wire, isWhole: false }]
    const { block, kind } = PLACES[item.kind]
    const part = { type: kind === 'text' ? 'output_text' : 'summary_text', text: item.pieces.join('') }
    const wire = { type: item.kind, [kind === 'text' ? 'content' : 'summary']: [part] }
    return [{ type: 'block_end', index: item.index, block, parts: [{ kind, index: 0, wire: part }] }, { type: 'item_end', item, wire, isWhole: true }]
  }

  #startCall(id: string, name: string): AnswerEvent[] {
    const events = this.#close()
    const item = this.#open('function_call', { type: 'function_call', call_id: id, name, arguments: '' }, events)
    this.#calls.set(id, item)
    return [...events, { type: 'block_start', index: item.index, block: 'tool_use', toolCallId: id, name, item }]
  }

  #growCall(id: string, text: string): AnswerEvent[] {
    const item = this.#calls.get(id)
    item?.pieces.push(text)
    return item ? [{ type: 'block_delta', index: item.index, block: 'tool_use', text, toolCallId: id }] : []
  }

  #endCall({ id, name, arguments: input }: StreamEvent & { type: 'tool_call.end' }): AnswerEvent[] {
    const opening = this.#calls.has(id) ? this.#close() : this.#startCall(id, name)
    const item = this.#calls.get(id)
    if (!item) return opening
    this.#calls.delete(id)
    // What was streamed is what the model wrote; the decoded object is only its meaning.
    const text = item.pieces.length > 0 ? item.pieces.join('') : renderArguments(input)
    const wire = { ...item.wire, arguments: text }
    return [...opening, { type: 'block_end', index: item.index, block: 'tool_use', toolCallId: id, name, arguments: input, text }, { type: 'item_end', item, wire, isWhole: true }]
  }

  #startHosted(name: string): AnswerEvent[] {
    const events = this.#close()
    const item = this.#current = this.#open('hosted', { type: name }, events)
    return [...events, { type: 'block_start', index: item.index, block: 'hosted', name, item }]
  }

  #endHosted(name: string, wire: JsonObject): AnswerEvent[] {
    const opening = this.#current?.wire['type'] === name ? [] : this.#startHosted(name)
    const item = this.#current as Item
    this.#current = undefined
    return [...opening, { type: 'block_end', index: item.index, block: 'hosted', name, item: wire }, { type: 'item_end', item, wire, isWhole: true }]
  }
}

/** The stream events that an answer which came whole would have been; clients put a call together from its deltas. */
export function toStreamEvents(response: ChatResponse): StreamEvent[] {
  const bodies = contentToStream(response.content).flatMap((body): StreamEventBody[] =>
    body.type === 'tool_call.end' ? [{ type: 'tool_call.delta', id: body.id, arguments_fragment: renderArguments(body.arguments) }, body] : [body])
  const end = { type: 'message.end' as const, usage: response.usage ?? null, degradations: response.degradation ? [response.degradation] : [] }
  return [...bodies, end].map((body, seq) => ({ ...body, ts: '', session_id: '', seq }))
}
