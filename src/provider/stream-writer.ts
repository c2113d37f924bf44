/**
 * Turns steps into the caller's stream events and the host's `llm:stream_*` events.
 * The time of a batch is taken once: its frames arrived together.
 */
import {
  describeError, type Degradation, type LLMError, type StreamEvent, type StreamEventBody, type Usage,
} from '../contract/index.js'
import type { Step } from '../responses/index.js'
import type { Emitter } from './emitter.js'

export interface StreamWriterOptions {
  /** names the call in `llm:stream_*` events */
  requestId: string
  sessionId: string
  emitter: Emitter
  /** emit the `llm:stream_*` family */
  announce: boolean
  /** pass `thinking.delta` on to the caller */
  thinking: boolean
  now: () => number
}

export interface StreamWriter {
  /**
   * The stream events of these steps, the message's start in front of the first of them, as soon as every hook has
   * run: at once where none has to be waited for.
   */
  write(steps: readonly Step[]): StreamEvent[] | Promise<StreamEvent[]>
  end(usage: Usage | null, degradations: Degradation[]): StreamEvent[]
  /** Announces the break where deltas had been announced, and answers the terminal event. */
  fail(error: LLMError): Promise<StreamEvent[]>
}

/** The writer of one call; numbers its events from 0. */
export function createStreamWriter(options: StreamWriterOptions): StreamWriter {
  const { emitter, requestId, sessionId, thinking } = options
  const announcer = createAnnouncer(options)
  const readTime = createTimestamp(options.now)
  let seq = 0
  let stamp = ''

  const event = (body: StreamEventBody): StreamEvent => ({ ...body, ts: stamp, session_id: sessionId, seq: seq++ })

  const render = (step: Step, out: StreamEvent[]): void => {
    const isDelta = step.type === 'block_delta'
    // The two frequent kinds are written out: a shared helper's object spread cost 0.1 µs more a delta.
    if (isDelta && step.block === 'text') {
      out.push({ type: 'text.delta', text: step.text, ts: stamp, session_id: sessionId, seq: seq++ })
    } else if (isDelta && step.block === 'tool_use') {
      const id = step.toolCallId ?? ''
      out.push({ type: 'tool_call.delta', id, arguments_fragment: step.text, ts: stamp, session_id: sessionId, seq: seq++ })
    } else {
      const body = toBody(step, thinking)
      if (body) out.push(event(body))
    }
  }
  /** The rest of a batch, from the step whose handlers are waited for. */
  const writeAfter = async (pending: Promise<unknown>, steps: readonly Step[], from: number, out: StreamEvent[]): Promise<StreamEvent[]> => {
    await pending
    render(steps[from] as Step, out)
    for (const step of steps.slice(from + 1)) {
      const next = announcer.wants(step) ? announcer.announce(step) : undefined
      if (next) await next
      render(step, out)
    }
    return out
  }

  return {
    write(steps) {
      stamp = readTime()
      const out: StreamEvent[] = seq === 0 ? [{ type: 'message.start', ts: stamp, session_id: sessionId, seq: seq++ }] : []
      for (let index = 0; index < steps.length; index++) {
        const step = steps[index] as Step
        if (announcer.wants(step)) {
          const pending = announcer.announce(step)
          if (pending) return writeAfter(pending, steps, index, out)
        }
        render(step, out)
      }
      return out
    },
    end(usage, degradations) {
      stamp = readTime()
      return [event({ type: 'message.end', usage, degradations })]
    },
    async fail(error) {
      stamp = readTime()
      if (announcer.deltas > 0) {
        await emitter.emit('streamAborted', { request_id: requestId, error: { type: error.name, msg: error.message } })
      }
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

interface Announcer {
  /** deltas announced so far */
  deltas: number
  /** Whether the step is worth a call of {@link announce}: tool arguments never are, nor what nobody hears. */
  wants(step: Step): boolean
  announce(step: Step): Promise<unknown> | undefined
}

function createAnnouncer({ emitter, requestId, announce }: StreamWriterOptions): Announcer {
  const heard = {
    block_start: announce && emitter.heard('streamBlockStart'),
    block_delta: announce && emitter.heard('streamBlockDelta'),
    block_end: announce && emitter.heard('streamBlockEnd'),
  }
  const sequences: number[] = []
  const announcer: Announcer = {
    deltas: 0,
    wants(step) {
      if (step.type !== 'block_delta') return heard[step.type]
      if (step.block === 'tool_use' || !announce) return false
      announcer.deltas++
      return heard.block_delta
    },
    announce(step) {
      const { index: block_index, block: block_type } = step
      if (step.type === 'block_delta') {
        const sequence = sequences[block_index] ?? 0
        sequences[block_index] = sequence + 1
        return emitter.emit('streamBlockDelta', { request_id: requestId, block_index, block_type, sequence, text: step.text })
      }
      const block = { request_id: requestId, block_index, block_type }
      if (step.type === 'block_end') return emitter.emit('streamBlockEnd', block)
      return emitter.emit('streamBlockStart', step.name === undefined ? block : { ...block, name: step.name })
    },
  }
  return announcer
}

function toBody(step: Step, thinking: boolean): StreamEventBody | undefined {
  if (step.type === 'block_delta') {
    if (step.block === 'thinking') {
      return thinking ? { type: 'thinking.delta', text: step.text, visibility: 'internal' } : undefined
    }
    return undefined
  }
  if (step.block !== 'tool_use') return undefined
  const id = step.toolCallId ?? ''
  const name = step.name ?? ''
  if (step.type === 'block_start') return { type: 'tool_call.start', id, name }
  // A block that ends without arguments is half a call: an `end` would be run.
  return step.arguments && { type: 'tool_call.end', id, name, arguments: step.arguments }
}
