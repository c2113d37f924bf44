import { isCertificateFault } from '../lib/index.js'
import { classifyFailure } from './classify-failure.js'
import type { FailureClass } from './failure-table.js'
import type { FailureFacts } from './read-failure-facts.js'
import type { WireFailure } from './wire-failure.js'

/** of one event or message over our limit */
const TOO_LARGE_CODES: ReadonlySet<string> = new Set(['ERR_FRAME_TOO_LARGE', 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'])
/** what a close frame may say of size; any other code only says that the connection ended */
const CLOSE_TOO_BIG = 1009

/**
 * A failure of the connection itself. Silence, a reset and a cut are ends of an answer that may have
 * run, so they are stream failures whichever clock or peer made them; only a connection that never
 * came about is a network failure, its timeout included, since nothing was sent. The caller's own
 * total limit is a timeout.
 */
export function classifyTransportFailure(failure: WireFailure, facts: FailureFacts): FailureClass {
  switch (failure.kind) {
    case 'refused':
      return classifyFailure(facts)
    case 'aborted':
      return 'aborted'
    case 'connect':
      if (failure.misconfigured) return 'misconfigured'
      return isCertificateFault(failure.systemCode) ? 'tls_failed' : 'connect_failed'
    case 'timeout':
      return byClock(failure.clock)
    case 'closed':
      return byClose(failure, facts)
    case 'content':
      return byContent(failure, facts)
    default:
      return 'cut'
  }
}

function byClock(clock: string | undefined): FailureClass {
  switch (clock) {
    case 'connect':
      return 'connect_timeout'
    case 'total':
      return 'total_timeout'
    case 'first_frame':
      return 'first_event_timeout'
    default:
      return 'idle_timeout'
  }
}

/** A close frame's reason is the wire's word like any other; without one only its code speaks. */
function byClose(failure: WireFailure, facts: FailureFacts): FailureClass {
  // A server that has begun to answer has taken the request, whatever it closes with.
  if (failure.closeCode === CLOSE_TOO_BIG) return failure.phase === 'answering' ? 'closed' : 'too_large'
  const said = facts.prose.trim() === '' ? 'stream_failed' : classifyFailure(facts)
  return said === 'stream_failed' ? 'closed' : said
}

/** A success status with something else than events in it: an error in JSON, somebody's page, a frame over the limit, or bytes that are no answer at all. */
function byContent(failure: WireFailure, facts: FailureFacts): FailureClass {
  if (facts.codes.includes('not_attributable')) return 'not_attributable'
  if (failure.body === undefined && failure.status === undefined) return TOO_LARGE_CODES.has(failure.systemCode ?? '') ? 'frame_too_big' : 'unreadable'
  if (facts.page === 'challenge') return 'challenge'
  return facts.codes.length > 0 ? classifyFailure(facts) : 'unexpected_content'
}
