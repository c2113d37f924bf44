import type { WebSocketBlock } from '../account/index.js'
import type { TransportFailure } from '../transport/transport.js'

export interface Choice {
  kind: 'sse' | 'websocket'
  reason: string
}

/**
 * `auto` prefers WebSocket, and keeps to HTTP for a minute after an upgrade has failed, its own or that of another mount of the
 * account. Unlike the official client it is not stuck there for the rest of the mount.
 */
export class TransportChoice {
  constructor(private readonly mode: 'auto' | 'sse' | 'websocket', private readonly block: WebSocketBlock) {}

  /** What the next exchange goes over. */
  current(): Choice {
    if (this.mode !== 'auto') return { kind: this.mode, reason: 'configured' }
    const standing = this.block.current()
    if (standing && standing.leftMs > 0) return { kind: 'sse', reason: `${standing.reason}; WebSocket is probed again in ${Math.ceil(standing.leftMs / 1000)} s` }
    return { kind: 'websocket', reason: standing ? 'preferred, probing again' : 'preferred' }
  }

  /** A WebSocket could not be had: HTTP for the cool-down, then one probe. Answers the reason in words. */
  blocked(failure: TransportFailure): string {
    const reason = describe(failure)
    this.block.set(reason, { byServer: failure.status !== undefined })
    return reason
  }

  /** A WebSocket was had. */
  opened(): void {
    this.block.clear()
  }
}

function describe(failure: TransportFailure): string {
  if (failure.status === 426) return 'the server wants HTTP (426)'
  if (failure.status !== undefined) return `the upgrade was answered ${failure.status}`
  if (failure.kind === 'timeout') return 'the upgrade was not answered in time'
  return `the upgrade failed (${failure.systemCode ?? failure.kind})`
}
