import { decodeMoment, defined, isRecord, readString, startElapsed } from '../lib/index.js'
import type { Persisted } from './persisted.js'
import { createReloader } from './reloader.js'

/** Why no WebSocket is to be had for now: learned by one call, kept to by all that share the account. */
export interface WebSocketBlock {
  /** What was last learned, with what is left of its minute: 0 where a WebSocket may be tried again. Undefined before the first time. */
  current(): { reason: string; leftMs: number } | undefined
  /** @param options.byServer whether the server said so: that holds on every machine, what the network did on this one alone */
  set(reason: string, options: { byServer: boolean }): void
  /** A WebSocket was had. */
  clear(): void
  /** Settles when what was set or cleared has been kept, or could not be. */
  flush(): Promise<void>
}

export interface WebSocketBlockOptions {
  /** ms since 1970 */
  now: () => number
  /** shares it with other processes and machines; they learn of it within 5 s, over Redis at once */
  persisted?: Persisted
  /** what has this machine's network */
  machine?: string
}

/** How long HTTP is kept to after an upgrade failed, before a WebSocket is tried again. */
export const COOL_DOWN_MS = 60_000
const LONGEST_REASON = 200

interface Block {
  reason: string
  /** ms that are left, also where the machine's clock has been set meanwhile */
  leftMs: () => number
}

export function createWebSocketBlock({ now, persisted, machine = '' }: WebSocketBlockOptions): WebSocketBlock {
  let block: Block | undefined
  let writing: Promise<void> = Promise.resolve()
  const take = (stored: unknown): void => {
    const told = decodeBlock(stored, machine, now())
    if (told && (block?.leftMs() ?? 0) <= 0) block = startBlock(told.reason, told.leftMs, now)
  }
  const kept = createReloader(persisted, take, now)
  const keep = (value: unknown): void => {
    if (persisted) writing = writing.then(() => persisted.save(value)).catch(() => undefined)
  }
  return {
    current() {
      const leftMs = Math.max(0, block?.leftMs() ?? 0)
      if (leftMs === 0) kept.reloadBehind()
      return block && { reason: block.reason, leftMs }
    },
    set(reason, { byServer }) {
      block = startBlock(reason, COOL_DOWN_MS, now)
      keep({ reason, until_ms: Math.round(now() + COOL_DOWN_MS), ...defined({ machine: byServer ? undefined : machine }) })
    },
    clear() {
      if (!block) return
      block = undefined
      keep({})
    },
    flush: () => writing,
  }
}

function startBlock(reason: string, lengthMs: number, now: () => number): Block {
  const elapsed = startElapsed(now)
  return { reason, leftMs: () => lengthMs - elapsed() }
}

/** What another process kept; undefined where it is over, another machine's, or nothing that this code wrote. */
function decodeBlock(stored: unknown, machine: string, nowMs: number): { reason: string; leftMs: number } | undefined {
  if (!isRecord(stored)) return undefined
  const [reason, of, untilMs] = [readString(stored, 'reason'), stored['machine'], decodeMoment(stored['until_ms'])]
  if (reason === undefined || untilMs === undefined || (of !== undefined && of !== machine)) return undefined
  const leftMs = Math.min(untilMs - nowMs, COOL_DOWN_MS)
  return leftMs > 0 ? { reason: reason.slice(0, LONGEST_REASON), leftMs } : undefined
}
