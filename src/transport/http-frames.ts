import { abortedFailure, wrapFailure } from './failures.js'
import type { HttpExchange, ResponseHead } from './http-exchange.js'
import { FrameTooLarge, type SseDecoder } from './sse-frames.js'
import type { FrameStream } from './transport.js'

/** So many times what has arrived is decoded a piece at a time: the caller waits for the first of its events. */
const SMALL_DECODES = 3

/**
 * The frames of an event stream. Bytes are decoded when they are asked for, several pieces at once: one read of a socket
 * holds dozens of HTTP chunks, and joining them first costs less than decoding each.
 * @param options.decoder a fresh one
 * @param options.decodeBytes how much to decode at a time, where more has arrived
 */
export function createHttpFrames(
  exchange: HttpExchange, head: ResponseHead, options: { decoder: SseDecoder; decodeBytes: () => number },
): FrameStream {
  const { arrivals } = exchange
  const { decoder } = options
  let decodes = 0
  let state: 'open' | 'ended' | 'released' | 'closed' = 'open'
  const finish = () => {
    const frames = decodeOrFail(exchange, () => decoder.end())
    state = 'ended'
    return frames
  }
  /** Undefined where nothing has arrived; no frame where none of it is whole yet. */
  const decodeArrived = (): string[] | undefined => {
    const pieces = arrivals.take(decodes < SMALL_DECODES ? 1 : options.decodeBytes())
    decodes += 1
    return pieces.length > 0 ? decodeOrFail(exchange, () => decoder.push(joinPieces(pieces))) : undefined
  }
  return {
    status: head.status,
    headers: head.headers,
    arrived() {
      const frames = state === 'open' ? decodeArrived() : undefined
      return frames && frames.length > 0 ? frames : undefined
    },
    async next() {
      for (;;) {
        if (state === 'closed') throw abortedFailure(exchange.phase)
        if (state === 'released') return undefined
        const arrived = decodeArrived()
        if (arrived) {
          if (arrived.length > 0) return arrived
        } else if (arrivals.ended || decoder.overflowed()) {
          // Not after an abort: who gave the answer up wants nothing of it.
          const frames = state === 'open' && exchange.failureKind !== 'aborted' ? finish() : []
          if (frames.length > 0) return frames
          if (arrivals.failure) throw arrivals.failure
          return undefined
        } else {
          await arrivals.arrival()
        }
      }
    },
    release() {
      if (state === 'closed') return
      state = 'released'
      exchange.release()
    },
    close() {
      if (state === 'closed') return
      state = 'closed'
      exchange.close()
    },
  }
}

function decodeOrFail(exchange: HttpExchange, read: () => string[]): string[] {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof FrameTooLarge)) throw error
    const failure = wrapFailure('content', exchange.phase, error, 'the answer cannot be taken')
    exchange.arrivals.clear()
    exchange.fail(failure)
    throw failure
  }
}

function joinPieces(pieces: Buffer[]): Buffer {
  const [first] = pieces
  return pieces.length === 1 && first ? first : Buffer.concat(pieces)
}
