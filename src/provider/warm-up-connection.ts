import { parseJson, readString } from '../lib/index.js'
import { decodeEvent, readTerminal, serializeRequest, type BuiltRequest } from '../responses/index.js'
import { TransportFailure } from '../transport/transport.js'
import type { ExchangeRequest } from './backend-exchange.js'
import type { PooledConnection, ConnectionPool } from './connection-pool.js'

/**
 * Gives the server everything but the input (`generate: false`), and chains the connection's first turn to its
 * answer. Ends with the answer's end, whichever it is; a connection whose warm-up failed is dropped.
 * @throws TransportFailure
 */
export async function warmUpConnection(pool: ConnectionPool, pooled: PooledConnection, { built, signal, timeouts }: ExchangeRequest): Promise<void> {
  const opening: BuiltRequest = { ...built, items: [] }
  try {
    const frames = pooled.socket.exchange(serializeRequest(opening, { type: 'response.create', generate: false }), { signal, timeouts })
    let responseId: string | undefined
    while (responseId === undefined) {
      const batch = await frames.next()
      if (!batch) throw new TransportFailure('the warm-up was not answered', { kind: 'cut', phase: 'sent' })
      responseId = batch.map(readResponseId).find((id) => id !== undefined)
    }
    frames.release()
    pooled.chain.completed(opening, responseId, [])
    pool.giveBack(pooled)
  } catch (failure) {
    pool.drop(pooled)
    throw failure
  }
}

/** Of the completed response; undefined before its end. @throws TransportFailure at any other end */
function readResponseId(frame: string): string | undefined {
  const event = decodeEvent(parseJson(frame))
  const end = event && readTerminal(event)
  if (!end) return undefined
  const id = end.kind === 'completed' && 'response' in event ? readString(event.response, 'id') : undefined
  if (id === undefined) throw new TransportFailure('the warm-up was refused', { kind: 'content', phase: 'answering' })
  return id
}
