/**
 * Turns block events into the caller's stream events and the host's `llm:stream_*` events.
 * The time of a batch is taken once: its frames arrived together. Classes, since thousands of waiting
 * calls may hold one each: closures took six times the memory.
 */
import { randomUUID } from 'node:crypto'
import {
  describeError, type ChatResponse, type LLMError, type StreamEvent, type StreamEventBody,
} from '../contract/index.js'
import { contentToStream, type AnswerEvent, type BlockEvent } from '../responses/index.js'
import type { CallHead, Deliver, Outcome } from './call.js'
import type { Emitter } from './emitter.js'
import type { ProviderContext } from './provider-context.js'

/** Where an answer's block events go: into the caller's stream, and to the host's hooks. */
export class Sink {
  #writer: StreamWriter | undefined

  constructor(private readonly context: Pick<ProviderContext, 'deps' | 'emitter' | 'stamp'>, private readonly call: CallHead, private readonly deliver: Deliver<StreamEvent>) {}

  /** Makes ready what the first events need: while the backend thinks there is time. */
  prepare(): StreamWriter {
    if (this.#writer) return this.#writer
    const { deps: { sessionId }, emitter, stamp } = this.context
    const { settings, request, options, asCheckpoint } = this.call
    const isTold = settings.useStreaming && !asCheckpoint && request.metadata?.stream !== false
    return this.#writer = new StreamWriter({ sessionId, announcer: isTold ? openAnnouncer(emitter) : undefined, thinking: options.thinking !== false, stamp })
  }

  write(blocks: readonly AnswerEvent[]): Promise<void> | undefined {
    const written = this.prepare().write(blocks)
    return Array.isArray(written) ? this.#hand(written) : written.then((events) => this.#hand(events))
  }

  end(response: ChatResponse): Promise<void> | undefined {
    return this.deliver(this.prepare().end(response))
  }

  /** Tells the host of the break, where it was told of the answer. */
  abort(error: LLMError): Promise<unknown> | undefined {
    return this.prepare().options.announcer?.abort(error)
  }

  fail(error: LLMError): Promise<void> | undefined {
    return this.deliver(this.prepare().fail(error))
  }

  #hand(events: StreamEvent[]): Promise<void> | undefined {
    return events.length > 0 ? this.deliver(events) : undefined
  }
}

export interface StreamWriterOptions {
  sessionId: string
  /** where the host's `llm:stream_*` events go; absent where nobody is told */
  announcer?: Announcer | undefined
  /** pass `thinking.delta` on to the caller */
  thinking: boolean
  /** the present time, as events have it */
  stamp: () => string
}

/** The stream events of one call, numbered from 0. */
export class StreamWriter {
  #seq = 0
  #stamp = ''

  constructor(readonly options: StreamWriterOptions) {}

  /**
   * The stream events of these block events, the message's start in front of the first of them, as soon as every hook has
   * run: at once where none has to be waited for.
   */
  write(blocks: readonly AnswerEvent[]): StreamEvent[] | Promise<StreamEvent[]> {
    this.#stamp = this.options.stamp()
    const out: StreamEvent[] = this.#seq === 0 ? [this.#event({ type: 'message.start' })] : []
    for (let index = 0; index < blocks.length; index++) {
      const block = blocks[index] as AnswerEvent
      if (!isBlock(block)) continue
      const pending = this.options.announcer?.announce(block)
      if (pending) return this.#writeAfter(pending, blocks, index, out)
      this.#render(block, out)
    }
    return out
  }

  end({ usage = null, degradation }: ChatResponse): StreamEvent[] {
    this.#stamp = this.options.stamp()
    return [this.#event({ type: 'message.end', usage, degradations: degradation ? [degradation] : [] })]
  }

  fail(error: LLMError): StreamEvent[] {
    this.#stamp = this.options.stamp()
    return [this.#event({ type: 'error', error: describeError(error) })]
  }

  /** The whole stream of an answer or failure that was not streamed, each block whole; the host is told nothing. */
  tell({ response, error }: Outcome): StreamEvent[] {
    this.#stamp = this.options.stamp()
    const content = (response ?? error.partial)?.content
    const bodies = content ? contentToStream(content).filter(({ type }) => this.options.thinking || type !== 'thinking.delta') : []
    return [...bodies.map((body) => this.#event(body)), ...(error ? this.fail(error) : this.end(response))]
  }

  /** The rest of a batch, from the event whose handlers are waited for. */
  async #writeAfter(pending: Promise<unknown>, blocks: readonly AnswerEvent[], from: number, out: StreamEvent[]): Promise<StreamEvent[]> {
    await pending
    this.#render(blocks[from] as BlockEvent, out)
    for (const block of blocks.slice(from + 1)) {
      if (!isBlock(block)) continue
      const next = this.options.announcer?.announce(block)
      if (next) await next
      this.#render(block, out)
    }
    return out
  }

  #render(block: BlockEvent, out: StreamEvent[]): void {
    const isDelta = block.type === 'block_delta'
    // The two frequent kinds are written out: a shared helper's object spread cost 0.1 µs more a delta.
    if (isDelta && block.block === 'text') {
      out.push({ type: 'text.delta', text: block.text, ts: this.#stamp, session_id: this.options.sessionId, seq: this.#seq++ })
    } else if (isDelta && block.block === 'tool_use') {
      const id = block.toolCallId ?? ''
      out.push({ type: 'tool_call.delta', id, arguments_fragment: block.text, ts: this.#stamp, session_id: this.options.sessionId, seq: this.#seq++ })
    } else {
      const body = toBody(block, this.options.thinking)
      if (body) out.push(this.#event(body))
    }
  }

  #event(body: StreamEventBody): StreamEvent {
    // What is spread comes last: a property added behind it costs Node 20 a microsecond or two, each.
    return { ts: this.#stamp, session_id: this.options.sessionId, seq: this.#seq++, ...body }
  }
}

/** The announcer of one call; undefined where the host says that nobody listens. */
export function openAnnouncer(emitter: Emitter): Announcer | undefined {
  const heard = {
    block_progress: false,
    block_start: emitter.heard('streamBlockStart'),
    block_delta: emitter.heard('streamBlockDelta'),
    block_end: emitter.heard('streamBlockEnd'),
  }
  const isHeard = Object.values(heard).includes(true) || emitter.heard('streamAborted')
  return isHeard ? new Announcer(emitter, heard) : undefined
}

/** The host's `llm:stream_*` events of one call. */
export class Announcer {
  /** names the call in the events */
  readonly #requestId = randomUUID()
  readonly #sequences: number[] = []
  #deltas = 0

  constructor(private readonly emitter: Emitter, private readonly heard: Readonly<Record<BlockEvent['type'], boolean>>) {}

  /** Undefined where nothing has to be waited for. Tool arguments are never told, nor what nobody hears. */
  announce(block: BlockEvent): Promise<unknown> | undefined {
    if (block.type === 'block_delta') {
      if (block.block === 'tool_use') return undefined
      this.#deltas++
    }
    return this.heard[block.type] ? this.#emit(block) : undefined
  }

  /** The answer broke off; told where a delta had been. */
  abort(error: LLMError): Promise<unknown> | undefined {
    if (this.#deltas === 0) return undefined
    return this.emitter.emit('streamAborted', { request_id: this.#requestId, error: { type: error.name, msg: error.message } })
  }

  #emit(block: BlockEvent): Promise<unknown> | undefined {
    const request_id = this.#requestId
    const block_index = block.index
    // A tool that the server runs is a tool in use; the contract has no other word for it.
    const block_type = block.block === 'hosted' ? 'tool_use' : block.block
    if (block.type === 'block_delta') {
      const sequence = this.#sequences[block_index] ?? 0
      this.#sequences[block_index] = sequence + 1
      return this.emitter.emit('streamBlockDelta', { request_id, block_index, block_type, sequence, text: block.text })
    }
    const place = { request_id, block_index, block_type }
    if (block.type === 'block_end') return this.emitter.emit('streamBlockEnd', place)
    return this.emitter.emit('streamBlockStart', block.name === undefined ? place : { ...place, name: block.name })
  }
}

/** What is told beside the blocks is not the stream's. */
function isBlock(event: AnswerEvent): event is BlockEvent {
  return 'block' in event
}

function toBody(block: BlockEvent, thinking: boolean): StreamEventBody | undefined {
  if (block.type === 'block_delta') {
    return block.block === 'thinking' && thinking ? { type: 'thinking.delta', text: block.text, visibility: 'internal' } : undefined
  }
  const name = block.name ?? ''
  if (block.type === 'block_progress') return { type: 'hosted.progress', name, event: block.event }
  if (block.block === 'hosted') return block.type === 'block_start' ? { type: 'hosted.start', name } : { type: 'hosted.end', name, ...(block.item && { item: block.item }) }
  if (block.block !== 'tool_use') return undefined
  const id = block.toolCallId ?? ''
  if (block.type === 'block_start') return { type: 'tool_call.start', id, name }
  // A block that ends without arguments is half a call: an `end` would be run.
  return block.arguments && { type: 'tool_call.end', id, name, arguments: block.arguments }
}
