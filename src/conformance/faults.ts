import type { TwinReply } from '../twin/index.js'

const LONG_ARGUMENTS = { path: 'notes/september.md', content: 'one two three four five six seven eight nine ten' }
const SENTENCE = 'The quick brown fox jumps over the lazy dog, twice.'

/** One event a write, so that what comes before a cut has arrived. */
const cutTextAfter = (events: number) => ({ text: SENTENCE, cutAfterEvents: events, eventsPerWrite: 1 }) satisfies TwinReply

/** How backends go wrong, as replies for `twin.enqueue()`. */
export const FAULTS = {
  /** before anything was said */
  cutBeforeOutput: cutTextAfter(2),
  cutInText: cutTextAfter(7),
  /** a text of 7 deltas: 2 events in front, 2 that open the item, 3 that close it, then only the terminal event is missing */
  cutBeforeTerminal: cutTextAfter(14),
  /** the body ends in order, as if that were all */
  endedInText: { ...cutTextAfter(7), endBody: true },
  resetInText: { ...cutTextAfter(7), reset: true },
  cutInToolCall: { toolCalls: [{ name: 'write_file', arguments: LONG_ARGUMENTS, call_id: 'call_half' }], cutAfterEvents: 6, eventsPerWrite: 1 },
  stalledInText: { text: SENTENCE, stallAfterEvents: 7, eventsPerWrite: 1 },
  failedInText: { text: SENTENCE, failed: { code: 'server_error', message: 'An error occurred while processing your request.' } },
  rateLimited: { status: 429, headers: { 'retry-after': '1', 'retry-after-ms': '100' }, body: { error: { code: 'rate_limit_exceeded', message: 'Rate limit reached.' } } },
  usageLimit: {
    status: 429,
    body: { error: { type: 'usage_limit_reached', message: 'The usage limit has been reached', plan_type: 'plus', resets_in_seconds: 3600, limit_window_minutes: 300 } },
  },
  overloaded: { status: 503, body: { error: { code: 'server_is_overloaded', message: 'The server is overloaded.' } } },
  contextLength: { failed: { code: 'context_length_exceeded', message: 'Your input exceeds the context window of this model.' } },
  contentFilter: { text: 'I can', incomplete: 'content_filter' },
  forbidden: { status: 403, body: { detail: 'Your account may not use this.' } },
  invalidRequest: { status: 400, body: { error: { code: 'invalid_value', type: 'invalid_request_error', message: "Invalid value: 'x'.", param: 'input' } } },
} as const satisfies Record<string, TwinReply>

export type FaultName = keyof typeof FAULTS
