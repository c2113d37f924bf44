/**
 * Turns block events into the caller's stream events and the host's `llm:stream_*` events.
 * The time of a batch is taken once: its frames arrived together.
 */
import {
  describeError, type ChatResponse, type Degradation, type LLMError, type StreamEvent, type StreamEventBody, type Usage,
} from '../contract/index.js'
import type { AnswerEvent, BlockEvent } from '../responses/index.js'
import type { Deliver } from './call.js'
import type { Emitter } from './emitter.js'

/** Where an answer's block events go: into the caller's stream, and to the host's hooks. */
export interface Sink {
  /** Makes ready what the first of them needs: while the backend thinks there is time. */
  prepare(): void
  write: Deliver<AnswerEvent>
  end(response: ChatResponse): Promise<void> | undefined
  /** Tells the host of the break, where it was told of the answer. */
  abort(error: LLMError): Promise<unknown> | undefined
  fail(error: LLMError): Promise<void> | undefined
}

/** @param open makes the writer, and the announcer where the host is told; called once, when either is needed */
export function createSink(open: () => { writer: StreamWriter; announcer: Announcer | undefined }, deliver: Deliver<StreamEvent>): Sink {
  let opened: ReturnType<typeof open> | undefined
  const get = () => (opened ??= open())
  const hand = (events: StreamEvent[]): Promise<void> | undefined => (events.length > 0 ? deliver(events) : undefined)
  return {
    prepare: () => void get(),
    write(blocks) {
      const written = get().writer.write(blocks)
      return Array.isArray(written) ? hand(written) : written.then(hand)
    },
    end: (response) => deliver(get().writer.end(response.usage ?? null, response.degradation ? [response.degradation] : [])),
    abort: (error) => get().announcer?.abort(error),
    fail: (error) => deliver(get().writer.fail(error)),
  }
}

export interface StreamWriterOptions {
  sessionId: string
  /** where the host's `llm:stream_*` events go; absent where nobody is told */
  announcer?: Announcer | undefined
  /** pass `thinking.delta` on to the caller */
  thinking: boolean
  now: () => number
}

export interface StreamWriter {
  /**
   * The stream events of these block events, the message's start in front of the first of them, as soon as every hook has
   * run: at once where none has to be waited for.
   */
  write(blocks: readonly AnswerEvent[]): StreamEvent[] | Promise<StreamEvent[]>
  end(usage: Usage | null, degradations: Degradation[]): StreamEvent[]
  fail(error: LLMError): StreamEvent[]
}

/** The writer of one call; numbers its events from 0. */
export function createStreamWriter(options: StreamWriterOptions): StreamWriter {
  const { sessionId, thinking, announcer = SILENT } = options
  const readTime = createTimestamp(options.now)
  let seq = 0
  let stamp = ''

  const event = (body: StreamEventBody): StreamEvent => ({ ...body, ts: stamp, session_id: sessionId, seq: seq++ })

  const render = (block: BlockEvent, out: StreamEvent[]): void => {
    const isDelta = block.type === 'block_delta'
    // The two frequent kinds are written out: a shared helper's object spread cost 0.1 µs more a delta.
    if (isDelta && block.block === 'text') {
      out.push({ type: 'text.delta', text: block.text, ts: stamp, session_id: sessionId, seq: seq++ })
    } else if (isDelta && block.block === 'tool_use') {
      const id = block.toolCallId ?? ''
      out.push({ type: 'tool_call.delta', id, arguments_fragment: block.text, ts: stamp, session_id: sessionId, seq: seq++ })
    } else {
      const body = toBody(block, thinking)
      if (body) out.push(event(body))
    }
  }
  /** The rest of a batch, from the event whose handlers are waited for. */
  const writeAfter = async (pending: Promise<unknown>, blocks: readonly AnswerEvent[], from: number, out: StreamEvent[]): Promise<StreamEvent[]> => {
    await pending
    render(blocks[from] as BlockEvent, out)
    for (const block of blocks.slice(from + 1)) {
      if (!isBlock(block)) continue
      const next = announcer.wants(block) ? announcer.announce(block) : undefined
      if (next) await next
      render(block, out)
    }
    return out
  }

  return {
    write(blocks) {
      stamp = readTime()
      const out: StreamEvent[] = seq === 0 ? [{ type: 'message.start', ts: stamp, session_id: sessionId, seq: seq++ }] : []
      for (let index = 0; index < blocks.length; index++) {
        const block = blocks[index] as AnswerEvent
        if (!isBlock(block)) continue
        if (announcer.wants(block)) {
          const pending = announcer.announce(block)
          if (pending) return writeAfter(pending, blocks, index, out)
        }
        render(block, out)
      }
      return out
    },
    end(usage, degradations) {
      stamp = readTime()
      return [event({ type: 'message.end', usage, degradations })]
    },
    fail(error) {
      stamp = readTime()
      return [event({ type: 'error', error: describeError(error) })]
    },
  }
}

/** The time as ISO 8601; written once for as long as it is the same millisecond. */
function createTimestamp(now: () => number): () => string {
  let stamp = ''
  let stampMs = -1
  return () => {
    const ms = now()
    if (ms !== stampMs) {
      stampMs = ms
      stamp = new Date(ms).toISOString()
    }
    return stamp
  }
}

/** The host's `llm:stream_*` events of one call. */
export interface Announcer {
  /** Whether the event is worth a call of {@link announce}: tool arguments never are, nor what nobody hears. */
  wants(block: BlockEvent): boolean
  announce(block: BlockEvent): Promise<unknown> | undefined
  /** The answer broke off; told where a delta had been. */
  abort(error: LLMError): Promise<unknown> | undefined
}

const SILENT: Pick<Announcer, 'wants' | 'announce'> = { wants: () => false, announce: () => undefined }

/** @param requestId names the call in the events */
export function createAnnouncer(emitter: Emitter, requestId: string): Announcer {
  const heard = {
    block_progress: false,
    block_start: emitter.heard('streamBlockStart'),
    block_delta: emitter.heard('streamBlockDelta'),
    block_end: emitter.heard('streamBlockEnd'),
  }
  const sequences: number[] = []
  let deltas = 0
  return {
    wants(block) {
      if (block.type !== 'block_delta') return heard[block.type]
      if (block.block === 'tool_use') return false
      deltas++
      return heard.block_delta
    },
    abort: (error) =>
      (deltas > 0 ? emitter.emit('streamAborted', { request_id: requestId, error: { type: error.name, msg: error.message } }) : undefined),
    announce(block) {
      const block_index = block.index
      // A tool that the server runs is a tool in use; the contract has no other word for it.
      const block_type = block.block === 'hosted' ? 'tool_use' : block.block
      if (block.type === 'block_delta') {
        const sequence = sequences[block_index] ?? 0
        sequences[block_index] = sequence + 1
        return emitter.emit('streamBlockDelta', { request_id: requestId, block_index, block_type, sequence, text: block.text })
      }
      const place = { request_id: requestId, block_index, block_type }
      if (block.type === 'block_end') return emitter.emit('streamBlockEnd', place)
      return emitter.emit('streamBlockStart', block.name === undefined ? place : { ...place, name: block.name })
    },
  }
}

/** What is told beside the blocks is not the stream's. */
function isBlock(event: AnswerEvent): event is BlockEvent {
  return 'block' in event
}

function toBody(block: BlockEvent, thinking: boolean): StreamEventBody | undefined {
  if (block.type === 'block_delta') {
    if (block.block === 'thinking') {
      return thinking ? { type: 'thinking.delta', text: block.text, visibility: 'internal' } : undefined
    }
    return undefined
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
