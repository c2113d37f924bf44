import type { HttpExchange } from './http-exchange.js'

/** The whole body as text; undefined where it is longer than `maxBytes`, then the exchange is ended. @throws TransportFailure */
export async function readBody(exchange: HttpExchange, maxBytes: number): Promise<string | undefined> {
  const { arrivals } = exchange
  const pieces: Buffer[] = []
  let bytes = 0
  for (;;) {
    const taken = arrivals.take()
    for (const piece of taken) {
      pieces.push(piece)
      bytes += piece.length
    }
    if (bytes > maxBytes) {
      exchange.close()
      return undefined
    }
    if (taken.length > 0) continue
    if (arrivals.failure) throw arrivals.failure
    if (arrivals.ended) return decodeText(pieces)
    await arrivals.arrival()
  }
}

/**
 * What there is of a body, at most `maxBytes` of it, for telling what went wrong: a body that breaks off or takes
 * longer than `waitMs` is answered as far as it came. Ends the exchange. @throws TransportFailure of kind `aborted`
 */
export async function readExcerpt(exchange: HttpExchange, maxBytes: number, waitMs: number): Promise<string> {
  const { arrivals } = exchange
  const pieces: Buffer[] = []
  let bytes = 0
  let late = false
  const timer = setTimeout(() => {
    late = true
    exchange.close()
  }, waitMs)
  try {
    for (;;) {
      const taken = arrivals.take()
      for (const piece of taken) {
        pieces.push(piece)
        bytes += piece.length
      }
      if (bytes >= maxBytes) break
      if (taken.length > 0) continue
      if (arrivals.failure && exchange.failureKind === 'aborted' && !late) throw arrivals.failure
      if (arrivals.ended) break
      await arrivals.arrival()
    }
  } finally {
    clearTimeout(timer)
  }
  exchange.release()
  return decodeText(pieces, maxBytes)
}

function decodeText(pieces: Buffer[], maxBytes = Infinity): string {
  const whole = Buffer.concat(pieces)
  return new TextDecoder().decode(whole.length > maxBytes ? whole.subarray(0, maxBytes) : whole)
}
