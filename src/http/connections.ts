import type { Socket } from 'node:net'
import { AbortError } from '../contract/index.js'
import { LightAbortSignal } from '../lib/index.js'

/** What is known of a client's connection. */
export interface Connection {
  /** aborted when the client has gone */
  readonly gone: AbortSignal
  /** a request of it is being answered, or waits for that */
  readonly busy: boolean
  /**
   * Runs requests of a connection one after the other. A client may send several before it reads an answer; answers
   * go out in order, so a later one would hold a call of the account for as long as nobody reads the first.
   */
  inTurn(work: () => Promise<void>): Promise<void>
}

/** Connections by their sockets. */
export function createConnections(): (socket: Socket) => Connection {
  const known = new WeakMap<Socket, Connection>()
  return (socket) => {
    const connection = known.get(socket) ?? open(socket)
    known.set(socket, connection)
    return connection
  }
}

function open(socket: Socket): Connection {
  // Every request of the connection listens to it and lets go again: Node's own takes ten times as long for that.
  const gone = new LightAbortSignal()
  // Of a queued answer no event says that its client has gone: only the socket does.
  socket.once('close', () => gone.abort(new AbortError('The client has gone.')))
  if (socket.destroyed) gone.abort(new AbortError('The client has gone.'))
  let last: Promise<void> = Promise.resolve()
  let open = 0
  const leave = (): void => void open--
  return {
    gone,
    get busy() { return open > 0 },
    inTurn(work) {
      const turn = last.then(() => (gone.aborted ? undefined : work()))
      open++
      last = turn.then(leave, leave)
      return turn
    },
  }
}
