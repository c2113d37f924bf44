/**
 * The ways in which a turn goes wrong. Each says what the twin answers attempt by attempt, what the caller does,
 * and how the turn may end: `ok`, or an error by one of the names. A turn that may only end well and does not is wrong.
 */
const CLOSE_CODES = [1001, 1006, 1008, 1009, 1011, 1012, 1013, 4000, 4429]
const busy = (status, headers) => ({ status, headers, body: { error: { code: 'server_is_busy', message: 'Busy, come again.' } } })
const failed = (code, message = 'It failed.') => ({ failed: { code, message } })

/** What may be told where the connection ends: what ran cannot be known, so nothing is repeated. */
const BROKEN = ['StreamError']

export const FAULTS = {
  none: { weight: 60, plan: ({ good }) => ({ replies: [good] }) },
  slow_events: { weight: 2, plan: ({ good, random }) => ({ replies: [{ ...good, eventDelayMs: 1 + random.below(3) }] }) },
  small_writes: { weight: 2, plan: ({ good, random }) => ({ replies: [{ ...good, bytesPerWrite: 40 + random.below(300) }] }) },
  odd_framing: { weight: 2, plan: ({ good, random }) => ({ replies: [{ ...good, lineEnding: random.pick(['\r\n', '\r']), bom: true, binary: true }] }) },
  heartbeats_in_silence: { weight: 1, plan: ({ good, random, idleMs }) => ({ replies: [{ ...good, stallAfterEvents: random.below(6), stallMs: idleMs * 1.5, heartbeatMs: idleMs / 5 }] }) },
  cut_after_events: { weight: 2, plan: ({ good, random }) => ({ replies: [{ ...good, cutAfterEvents: random.below(14), eventsPerWrite: 1, endBody: random.chance(0.3) }], may: BROKEN }) },
  half_frame: { weight: 2, plan: ({ good, random }) => ({ replies: [{ ...good, cutAfterBytes: 1 + random.below(4000), reset: random.chance(0.5) }], may: BROKEN }) },
  reset_unanswered: { weight: 1, plan: ({ good }) => ({ replies: [{ ...good, reset: true }], may: BROKEN }) },
  close_code: { weight: 4, plan: ({ good, random }) => ({ replies: [{ ...good, closeCode: random.pick(CLOSE_CODES), cutAfterEvents: random.below(10), eventsPerWrite: 1 }], may: BROKEN }) },
  // The far side has said what is wrong before it began: over HTTP the same request goes through. HTTP itself has no close codes.
  close_1009_at_once: { weight: 1, plan: ({ good, door }) => ({ replies: [{ ...good, closeCode: 1009, cutAfterBytes: 0 }, good], may: door === 'websocket' ? [] : BROKEN }) },
  malformed: { weight: 2, plan: ({ good, random }) => ({ replies: [{ ...good, malformedAfterEvents: random.below(8) }], may: BROKEN }) },
  stall: { weight: 1, plan: ({ good, random }) => ({ replies: [{ ...good, stallAfterEvents: random.below(8) }], may: BROKEN }) },
  rate_limited: { weight: 2, plan: ({ good, random }) => ({ replies: [...refusals(random, () => busy(429, { 'retry-after': '0.01' })), good] }) },
  server_error: { weight: 2, plan: ({ good, random }) => ({ replies: [...refusals(random, () => busy(random.pick([500, 502, 503, 504]), {})), good] }) },
  unauthorized: { weight: 1, kills: true, plan: ({ good }) => ({ replies: [{ status: 401, body: { detail: 'Unauthorized' } }, good] }) },
  failed_at_once: { weight: 2, plan: ({ good, random }) => ({ replies: [failed(...random.pick([['server_error'], ['rate_limit_exceeded', 'Please try again in 10ms.']])), good] }) },
  failed_in_words: { weight: 1, plan: ({ good }) => ({ replies: [{ ...good, ...failed('server_error') }], may: BROKEN }) },
  invalid_prompt: { weight: 1, plan: () => ({ replies: [failed('invalid_prompt')], may: ['InvalidRequestError'] }) },
  context_length: { weight: 1, plan: () => ({ replies: [failed('context_length_exceeded')], may: ['ContextLengthError'] }) },
  content_filter: { weight: 1, plan: ({ good }) => ({ replies: [{ text: good.text ?? '', incomplete: 'content_filter' }], may: ['ContentFilterError'] }) },
  cut_for_length: { weight: 3, plan: planContinuation },
  upgrade_refused: { weight: 1, only: 'auto', plan: ({ good, random }) => ({ upgrade: { status: random.pick([426, 502, 403]), body: { detail: 'No.' } }, replies: [good] }) },
  abort: { weight: 4, plan: ({ good, random }) => ({ replies: [{ ...good, eventDelayMs: 1 }], abortAt: random.pick(['before', 'at_once', 'soon', random.below(12)]), may: ['AbortError'] }) },
  leave_early: { weight: 2, plan: ({ good, random }) => ({ replies: [{ ...good, eventDelayMs: 1 }], leaveAt: random.below(8), may: ['AbortError'] }) },
  slow_consumer: { weight: 2, plan: ({ good, random }) => ({ replies: [{ ...good, text: random.words(10_000 + random.below(30_000)) }], slow: true }) },
}

const refusals = (random, build) => Array.from({ length: 1 + random.below(3) }, build)

/** Text that the output limit cuts up to three times; never in a tool call, which goes to the caller instead. */
function planContinuation({ random }) {
  const parts = Array.from({ length: 2 + random.below(3) }, () => random.words(40 + random.below(200)))
  return { replies: parts.map((text, index) => (index < parts.length - 1 ? { text, incomplete: 'max_output_tokens' } : { text })), text: parts.join('') }
}

export function pickFault(random, door) {
  return random.weighted(Object.fromEntries(Object.entries(FAULTS).map(([name, { weight, only }]) => [name, only !== undefined && only !== door ? 0 : weight])))
}
