import { isRecord, readString } from '../lib/index.js'
import type { TerminalEvent, WireEvent } from './wire-events.js'
import type { WireFailure } from './wire-failure.js'

/** How an answer ended. Only `completed` is a success. */
export type Terminal =
  | { kind: 'completed' }
  | { kind: 'incomplete'; reason: string }
  | { kind: 'failed' | 'error'; failure: WireFailure }
  | { kind: 'cancelled' }

/** The end that this event makes, `undefined` where the answer goes on. */
export function readTerminal(event: WireEvent): Terminal | undefined {
  switch (event.type) {
    case 'response.completed':
    case 'response.done':
      return readByStatus(event)
    case 'response.incomplete':
      return readIncomplete(event)
    case 'response.failed':
      return readFailed(event)
    case 'response.cancelled':
      return { kind: 'cancelled' }
    case 'error':
      return { kind: 'error', failure: { source: 'frame', error: event.error, status: event.status, headers: event.headers } }
    default:
      return undefined
  }
}

/** "Completed" is what the event is called; what happened is the status inside. */
function readByStatus(event: TerminalEvent): Terminal {
  const status = event.response['status']
  switch (status) {
    case undefined:
    case null:
    case 'completed':
      return { kind: 'completed' }
    case 'incomplete':
      return readIncomplete(event)
    case 'cancelled':
      return { kind: 'cancelled' }
    case 'failed':
      return readFailed(event)
    default:
      return { kind: 'failed', failure: { source: 'terminal', message: `the answer ended with status ${(typeof status === 'string' ? status : JSON.stringify(status)).slice(0, 100)}` } }
  }
}

function readIncomplete(event: TerminalEvent): Terminal {
  const details = event.response['incomplete_details']
  return { kind: 'incomplete', reason: (isRecord(details) ? readString(details, 'reason') : undefined) ?? 'unknown' }
}

function readFailed(event: TerminalEvent): Terminal {
  return { kind: 'failed', failure: { source: 'terminal', error: event.response['error'] ?? {} } }
}

/**
 * The failure that an end without success is; `undefined` is what the reader knows when the
 * stream stopped before its terminal event. Answers `undefined` for the two ends that are answers:
 * completed, and cut by the length limit.
 */
export function terminalToFailure(terminal: Terminal | undefined): WireFailure | undefined {
  if (terminal === undefined) return { source: 'transport', kind: 'cut', phase: 'answering' }
  switch (terminal.kind) {
    case 'completed':
      return undefined
    case 'incomplete':
      if (terminal.reason === 'max_output_tokens') return undefined
      return { source: 'terminal', error: { code: terminal.reason, type: 'response_incomplete' } }
    case 'cancelled':
      return { source: 'terminal', error: { code: 'response_cancelled' } }
    default:
      return terminal.failure
  }
}
