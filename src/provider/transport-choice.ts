import { startElapsed } from '../lib/index.js'
import type { TransportFailure } from '../transport/transport.js'

export interface Choice {
  kind: 'sse' | 'websocket'
  reason: string
}

export interface TransportChoice {
  /** What the next exchange goes over. */
  current(): Choice
  /** A WebSocket could not be had: HTTP for the cool-down, then one probe. Answers the reason in words. */
  blocked(failure: TransportFailure): string
  /** A WebSocket was had. */
  opened(): void
}

/** How long a mount keeps to HTTP after an upgrade failed, before it probes again. */
export const COOL_DOWN_MS = 60_000

/**
 * `auto` prefers WebSocket, and keeps to HTTP for a minute after an upgrade has failed. Unlike the
 * official client it is not stuck there for the rest of the mount.
 */
export function createTransportChoice(mode: 'auto' | 'sse' | 'websocket', now: () => number): TransportChoice {
  let blockedFor: (() => number) | undefined
  let why = ''
  return {
    current() {
      if (mode !== 'auto') return { kind: mode, reason: 'configured' }
      const waitMs = blockedFor ? COOL_DOWN_MS - blockedFor() : 0
      if (waitMs > 0) return { kind: 'sse', reason: `${why}; WebSocket is probed again in ${Math.ceil(waitMs / 1000)} s` }
      return { kind: 'websocket', reason: why === '' ? 'preferred' : 'preferred, probing again' }
    },
    blocked(failure) {
      blockedFor = startElapsed(now)
      why = describe(failure)
      return why
    },
    opened() {
      blockedFor = undefined
      why = ''
    },
  }
}

function describe(failure: TransportFailure): string {
  if (failure.status === 426) return 'the server wants HTTP (426)'
  if (failure.status !== undefined) return `the upgrade was answered ${failure.status}`
  if (failure.kind === 'timeout') return 'the upgrade was not answered in time'
  return `the upgrade failed (${failure.systemCode ?? failure.kind})`
}
