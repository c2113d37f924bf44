/**
 * The WebSocket lines of a mount. A line is one connection and the chain of turns the server holds for
 * it; it belongs to one conversation and carries one exchange at a time.
 */
import { parseJson } from '../lib/index.js'
import { createResponseChain, createConnectionMemory, goesOn, type BuiltRequest, type ResponseChain, type ConnectionMemory } from '../responses/index.js'
import { TransportFailure, type SocketConnection } from '../transport/transport.js'

export interface Line {
  conversation: string
  readonly connection: SocketConnection
  readonly chain: ResponseChain
  /** of its ended answers */
  readonly memory: ConnectionMemory
  /** the bearer the upgrade was made with: a line never outlives it */
  readonly bearer: string
  busy: boolean
  /** the upgrade's headers have been taken in */
  headersRead: boolean
  lastUsedMs: number
}

export interface LinePool {
  /** The idle line whose chain this request extends, else any idle line of the conversation; taken lines are busy. */
  take(conversation: string, bearer: string, built: BuiltRequest): Line | undefined
  /** Whether the conversation has a line that its next turn could take, idle or busy. */
  holds(conversation: string, bearer: string): boolean
  /** Whether a spare connection stands ready. */
  holdsSpare(bearer: string): boolean
  /** @throws TransportFailure where the pool is closed; the connection then is too */
  add(conversation: string, bearer: string, connection: SocketConnection): Line
  /** An idle line that the first conversation without one takes. */
  addSpare(bearer: string, connection: SocketConnection): void
  /** The exchange went well: the line waits for the next turn. */
  giveBack(line: Line): void
  drop(line: Line): void
  close(): void
}

/** No conversation is named so. */
const SPARE = ''
/** The server ends a connection after 60 minutes; at a turn boundary before that we do it ourselves. */
const ROTATE_AFTER_MS = 55 * 60_000
/** Idle connections that are kept, the least recently used go: the backend was seen to refuse upgrades at about 50. */
const MOST_IDLE = 32
/** Idle sockets were seen dropped by the far side after 5 minutes. */
const IDLE_MS = 4.5 * 60_000

/**
 * The lines of one mount. Idle and aged ones are closed every 30 s, for as long as there are any.
 * @param options.now ms
 */
export function createLinePool(options: { now: () => number }): LinePool {
  const lines = new Set<Line>()
  let sweeper: NodeJS.Timeout | undefined
  let closed = false

  const drop = (line: Line): void => {
    lines.delete(line)
    line.connection.close(1000)
    if (lines.size === 0 && sweeper) {
      clearInterval(sweeper)
      sweeper = undefined
    }
  }
  const sweep = (): void => {
    for (const line of [...lines]) if (!line.busy && isLineStale(line, options.now())) drop(line)
  }

  return {
    take(conversation, bearer, built) {
      sweep()
      for (const line of [...lines]) if (!line.busy && line.conversation === conversation && line.bearer !== bearer) drop(line)
      const taken = pick([...lines].filter(({ busy }) => !busy), conversation, bearer, built)
      if (taken) {
        taken.busy = true
        taken.conversation = conversation
      }
      return taken
    },
    holds(conversation, bearer) {
      sweep()
      return [...lines].some((line) => line.conversation === conversation && line.bearer === bearer)
    },
    add(conversation, bearer, connection) {
      if (closed) refuse(connection)
      const line: Line = { conversation, bearer, connection, chain: createResponseChain(), memory: createConnectionMemory(), busy: true, headersRead: false, lastUsedMs: options.now() }
      lines.add(line)
      sweeper ??= setInterval(sweep, 30_000).unref()
      connection.onClosed(() => void lines.delete(line))
      dropWhenItGoesOn(line, drop)
      return line
    },
    holdsSpare(bearer) {
      sweep()
      return [...lines].some((line) => line.conversation === SPARE && line.bearer === bearer)
    },
    addSpare(bearer, connection) {
      this.add(SPARE, bearer, connection).busy = false
    },
    giveBack(line) {
      line.lastUsedMs = options.now()
      line.busy = false
      sweep()
      for (const oldest of overMostIdle(lines)) drop(oldest)
    },
    drop,
    close() {
      closed = true
      for (const line of [...lines]) drop(line)
      clearInterval(sweeper)
    },
  }
}

/** A connection that goes on after its answer's end is ended before another call takes it. */
function dropWhenItGoesOn(line: Line, drop: (line: Line) => void): void {
  line.connection.onUnasked((text) => {
    if (!goesOn(parseJson(text))) return
    line.memory.dropped++
    drop(line)
  })
}

function pick(idle: readonly Line[], conversation: string, bearer: string, built: BuiltRequest): Line | undefined {
  const own = idle.filter((line) => line.conversation === conversation)
  const spare = () => idle.find((line) => line.conversation === SPARE && line.bearer === bearer)
  return own.find((line) => line.chain.plan(built).mode === 'delta') ?? own[0] ?? spare()
}

/** The least recently used of the idle ones, as many as are too many. */
function overMostIdle(lines: Iterable<Line>): Line[] {
  const idle = [...lines].filter(({ busy }) => !busy).sort((left, right) => left.lastUsedMs - right.lastUsedMs)
  return idle.slice(0, Math.max(0, idle.length - MOST_IDLE))
}

/** Whoever was connecting when the mount ended: nobody would ever close what it brings. */
function refuse(connection: SocketConnection): never {
  connection.close(1000)
  throw new TransportFailure('the provider is closed', { kind: 'aborted', phase: 'unsent' })
}

function isLineStale(line: Line, nowMs: number): boolean {
  return (
    line.connection.state === 'closed' ||
    nowMs - line.connection.openedAtMs > ROTATE_AFTER_MS ||
    nowMs - line.lastUsedMs > IDLE_MS
  )
}
