export interface Heartbeat {
  /** Something came from the peer. */
  heard(): void
  stop(): void
}

export interface HeartbeatOptions {
  intervalMs: number
  ping: () => void
  /** While we don't read, silence says nothing. */
  isPaused: () => boolean
  /** Called once: nothing came between two pings. */
  onDead: () => void
}

/** Pings every interval. A peer that dies is noticed before two intervals have passed. */
export function createHeartbeat({ intervalMs, ping, isPaused, onDead }: HeartbeatOptions): Heartbeat {
  let heard = true
  let stopped = false
  const stop = () => {
    stopped = true
    clearInterval(timer)
  }
  const beat = () => {
    if (heard || isPaused()) {
      heard = false
      return ping()
    }
    // After a block of the event loop timers run before the sockets are read: a pong may lie there.
    setImmediate(() => {
      if (stopped || heard || isPaused()) return
      stop()
      onDead()
    })
  }
  const timer = setInterval(beat, intervalMs)
  timer.unref()
  return { heard: () => void (heard = true), stop }
}
