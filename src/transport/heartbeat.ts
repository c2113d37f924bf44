/** Whose peer is asked for signs of life. */
export interface Beating {
  ping(): void
  /** While we don't read, silence says nothing. */
  isPaused(): boolean
  /** Called once: nothing came between two pings. */
  died(): void
}

/** Pings every interval. A peer that dies is noticed before two intervals have passed. */
export class Heartbeat {
  readonly #owner: Beating
  readonly #timer: NodeJS.Timeout
  #heard = true
  #stopped = false

  constructor(owner: Beating, intervalMs: number) {
    this.#owner = owner
    this.#timer = setInterval((heartbeat: Heartbeat) => heartbeat.#beat(), intervalMs, this).unref()
  }

  /** Something came from the peer. */
  heard(): void {
    this.#heard = true
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#timer)
  }

  #beat(): void {
    if (this.#heard || this.#owner.isPaused()) {
      this.#heard = false
      return this.#owner.ping()
    }
    // After a block of the event loop timers run before the sockets are read: a pong may lie there.
    setImmediate(() => {
      if (this.#stopped || this.#heard || this.#owner.isPaused()) return
      this.stop()
      this.#owner.died()
    })
  }
}
