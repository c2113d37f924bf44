/**
 * The pooled WebSocket connections of a mount. Each has the chain of turns that the server holds for
 * it, belongs to one conversation and carries one exchange at a time.
 */
import { parseJson, startElapsed } from '../lib/index.js'
import { createConnectionMemory, goesOn, ResponseChain, type BuiltRequest, type ConnectionMemory } from '../responses/index.js'
import { TransportFailure, type SocketConnection } from '../transport/transport.js'

export interface PooledConnection {
  conversation: string
  readonly socket: SocketConnection
  readonly chain: ResponseChain
  /** of its ended answers */
  readonly memory: ConnectionMemory
  /** the bearer the upgrade was made with: a connection never outlives it */
  readonly bearer: string
  /** the upgrade's headers have been taken in */
  headersRead: boolean
  /** ms since it was opened */
  openFor: () => number
  /** ms since it was last used; absent while it is used */
  idleFor?: (() => number) | undefined
}

/** No conversation is named so: an idle connection of this name is taken by the first conversation without one. */
export const SPARE = ''
/** The server ends a connection after 60 minutes; at a turn boundary before that we do it ourselves. */
const ROTATE_AFTER_MS = 55 * 60_000
/** Idle connections that are kept, the least recently used go: the backend was seen to refuse upgrades at about 50. */
const MOST_IDLE = 32
/** Idle sockets were seen dropped by the far side after 5 minutes. */
const IDLE_MS = 4.5 * 60_000

/** The connections of one mount. Idle and aged ones are closed every 30 s, for as long as there are any. */
export class ConnectionPool {
  readonly #connections = new Set<PooledConnection>()
  /** Never more than a few, the least recently used first: a call looks at these alone, however many run. */
  readonly #idle = new Set<PooledConnection>()
  #sweeper: NodeJS.Timeout | undefined
  #closed = false

  /** @param options.now ms */
  constructor(private readonly options: { now: () => number; /** see ResponseChain */ lenient?: boolean }) {}

  /** The idle connection whose chain this request extends, else any idle connection of the conversation; taken connections are busy. */
  take(conversation: string, bearer: string, built: BuiltRequest): PooledConnection | undefined {
    this.#sweep()
    for (const pooled of this.#idle) if (pooled.conversation === conversation && pooled.bearer !== bearer) this.drop(pooled)
    const taken = pick([...this.#idle], conversation, bearer, built)
    if (taken) {
      this.#idle.delete(taken)
      Object.assign(taken, { conversation, idleFor: undefined })
    }
    return taken
  }

  /** Whether the conversation has a connection that its next turn could take, idle or busy. */
  holds(conversation: string, bearer: string): boolean {
    this.#sweep()
    return [...this.#connections].some((pooled) => pooled.conversation === conversation && pooled.bearer === bearer)
  }

  /** @throws TransportFailure where the pool is closed; the connection then is too */
  add(conversation: string, bearer: string, socket: SocketConnection): PooledConnection {
    if (this.#closed) refuse(socket)
    const pooled: PooledConnection = { conversation, bearer, socket, chain: new ResponseChain(this.options), memory: createConnectionMemory(), headersRead: false, openFor: startElapsed(this.options.now) }
    this.#connections.add(pooled)
    this.#sweeper ??= setInterval(() => this.#sweep(), 30_000).unref()
    socket.onClosed(() => this.drop(pooled))
    dropWhenItGoesOn(pooled, this)
    return pooled
  }

  /** The exchange went well: the connection waits for the next turn. */
  giveBack(pooled: PooledConnection): void {
    pooled.idleFor = startElapsed(this.options.now)
    if (this.#connections.has(pooled)) this.#idle.add(pooled)
    this.#sweep()
    for (const oldest of [...this.#idle].slice(0, Math.max(0, this.#idle.size - MOST_IDLE))) this.drop(oldest)
  }

  drop(pooled: PooledConnection): void {
    this.#connections.delete(pooled)
    this.#idle.delete(pooled)
    pooled.socket.close(1000)
    if (this.#connections.size > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }

  close(): void {
    this.#closed = true
    for (const pooled of this.#connections) this.drop(pooled)
  }

  #sweep(): void {
    for (const pooled of this.#idle) if (isStale(pooled)) this.drop(pooled)
  }
}

/** A connection that goes on after its answer's end is ended before another call takes it. */
function dropWhenItGoesOn(pooled: PooledConnection, pool: ConnectionPool): void {
  pooled.socket.onUnasked((text) => {
    if (!goesOn(parseJson(text))) return
    pooled.memory.dropped++
    pool.drop(pooled)
  })
}

function pick(idle: readonly PooledConnection[], conversation: string, bearer: string, built: BuiltRequest): PooledConnection | undefined {
  const own = idle.filter((pooled) => pooled.conversation === conversation)
  const spare = () => idle.find((pooled) => pooled.conversation === SPARE && pooled.bearer === bearer)
  return own.find((pooled) => pooled.chain.plan(built).mode === 'delta') ?? own[0] ?? spare()
}

/** Closes connections that finish after `close()`. */
function refuse(socket: SocketConnection): never {
  socket.close(1000)
  throw new TransportFailure('the provider is closed', { kind: 'aborted', phase: 'unsent' })
}

function isStale(pooled: PooledConnection): boolean {
  return (
    pooled.socket.state === 'closed' ||
    pooled.openFor() > ROTATE_AFTER_MS ||
    (pooled.idleFor?.() ?? 0) > IDLE_MS
  )
}
