import { parseJson } from '../lib/index.js'
import { createAnswerGuard, goesOn, serializeRequest, type BuiltRequest, type ChainPlan } from '../responses/index.js'
import { TransportFailure, type FrameStream } from '../transport/transport.js'
import type { Exchange, ExchangeRequest } from './backend-exchange.js'
import type { ConnectionPool, PooledConnection } from './connection-pool.js'
import { TURN_STATE } from './turn-state-store.js'

/** A message of 16 MiB or more closes the connection with 1009; what comes near goes over HTTP. */
const MAX_SOCKET_MESSAGE_BYTES = 15.5 * 1024 * 1024

/** A connection that no exchange was opened on is free again. */
export function openPooledExchange(pool: ConnectionPool, pooled: PooledConnection, request: ExchangeRequest, reason: string): Exchange | undefined {
  try {
    return beginPooledExchange(pool, pooled, request, reason)
  } catch (failure) {
    // Aborted in the tick it was taken in, or closed meanwhile.
    pool.giveBack(pooled)
    throw failure
  }
}

/** Undefined where the message is too large for a WebSocket; the connection is free again then. */
function beginPooledExchange(pool: ConnectionPool, pooled: PooledConnection, request: ExchangeRequest, reason: string): Exchange | undefined {
  const { built, signal, timeouts } = request
  const plan = pooled.chain.plan(built)
  const increment = plan.mode === 'delta' ? { previous_response_id: plan.previousResponseId, fromItem: plan.fromItem } : {}
  const message = serializeRequest(built, { type: 'response.create', ...increment, ...turnMetadata(request) })
  // A UTF-16 unit is at most 3 bytes of UTF-8: only what comes near the limit is measured.
  if (message.length * 3 >= MAX_SOCKET_MESSAGE_BYTES && Buffer.byteLength(message) >= MAX_SOCKET_MESSAGE_BYTES) {
    pool.giveBack(pooled)
    return undefined
  }
  if (request.mayLeave?.() === false) throw new TransportFailure('held back before it was sent', { kind: 'aborted', phase: 'unsent' })
  const frames = pooled.socket.exchange(message, { signal, timeouts })
  request.onSent?.()
  return new PooledExchange(pool, pooled, built, frames, `${reason}; ${describePlan(plan, built.items.length)}`)
}

/** A class, since thousands may wait; see BackendHttpExchange. */
class PooledExchange implements Exchange {
  readonly kind = 'websocket'
  readonly headers: Exchange['headers']
  readonly guard: Exchange['guard']
  readonly #droppedBefore: number
  #running = true

  constructor(
    private readonly pool: ConnectionPool, private readonly pooled: PooledConnection, private readonly built: BuiltRequest, readonly frames: FrameStream, readonly reason: string,
  ) {
    this.#droppedBefore = pooled.memory.dropped
    this.guard = createAnswerGuard(pooled.memory)
    this.headers = takeUpgradeHeaders(pooled)
  }

  finish({ responseId, doneItems, behind }: Parameters<Exchange['finish']>[0]): void {
    if (!this.#running) return
    this.#running = false
    const { chain, memory } = this.pooled
    const wentOn = [...behind, ...(this.frames.arrived() ?? [])].some((frame) => goesOn(parseJson(frame)))
    this.frames.release()
    this.guard.ended()
    // Answers without an id, and those behind whose end something came, can't be told from the next one's.
    if (wentOn || memory.dropped > this.#droppedBefore || memory.responses.size === 0) return this.pool.drop(this.pooled)
    if (responseId === undefined) chain.reset('no_previous_response_id')
    else chain.completed(this.built, responseId, doneItems)
    this.pool.giveBack(this.pooled)
  }

  abandon(): void {
    if (!this.#running) return
    this.#running = false
    this.frames.close()
    this.pool.drop(this.pooled)
  }
}

/** What of the history is sent, and what decided: the receipt of every turn says it. */
function describePlan(plan: ChainPlan, count: number): string {
  if (plan.mode === 'full') return `${count} items sent whole (${plan.reason}${plan.at === undefined ? '' : `: ${plan.at}`})`
  const beside = plan.beside === undefined ? '' : `; the server also sees ${plan.beside} temporary ${plan.beside === 1 ? 'message' : 'messages'} of the turn before`
  return `${count - plan.fromItem} new of ${count} items sent${beside}`
}

/** Model and turn state are those of an answer; on a connection of many they come as events. */
function takeUpgradeHeaders(pooled: PooledConnection): Readonly<Record<string, string>> {
  if (pooled.headersRead) return {}
  pooled.headersRead = true
  const { 'openai-model': _model, [TURN_STATE]: _state, ...headers } = pooled.socket.headers
  return headers
}

function turnMetadata({ turnState }: ExchangeRequest): { client_metadata?: Record<string, string> } {
  return turnState === undefined ? {} : { client_metadata: { [TURN_STATE]: turnState } }
}
