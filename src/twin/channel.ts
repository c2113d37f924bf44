import type { BakedEvent } from './build-events.js'

/** How the player reaches a client: an SSE body, or messages on a WebSocket. */
export interface Channel {
  /** false: wait for `ready()` before the next */
  write(event: BakedEvent): boolean
  ready(): Promise<void>
  /** One event of broken JSON. */
  writeMalformed(): void
  heartbeat(): void
  /** Everything written has left for the kernel. */
  flush(): Promise<void>
  /** The fault's byte count is reached: nothing more goes out. */
  isFull(): boolean
  /** The answer has ended in order. */
  finish(): Promise<void>
  /** The connection ends as the faults say. */
  cut(): Promise<void>
}
