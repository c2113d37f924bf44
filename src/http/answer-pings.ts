import type { WebSocket } from 'ws'

/**
 * Answers a client's pings, the latest of those that came while a pong was leaving (RFC 6455, 5.5.3). The library answers each,
 * and at the 61st that waits cuts the connection without a close frame: sixty pings in one packet were enough.
 */
export function answerPings(socket: WebSocket): void {
  let leaving = false
  let latest: Buffer | undefined
  const answer = (data: Buffer): void => {
    leaving = true
    socket.pong(data, false, () => {
      const next = latest
      leaving = false
      latest = undefined
      if (next && socket.readyState === socket.OPEN) answer(next)
    })
  }
  socket.on('ping', (data: Buffer) => {
    if (leaving) latest = data
    else if (socket.readyState === socket.OPEN) answer(data)
  })
}
