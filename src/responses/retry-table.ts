/**
 * When a failed request is sent again: only where it is proven that it did not run. The table is read from the top, the
 * first row that fits decides; `docs/retries.md` is generated from it.
 */
import type { FailureClass } from './failure-table.js'

/** How far an attempt had come when it failed. */
export type AttemptPhase =
  /** the request's last byte had not left */
  | 'unsent'
  /** sent, and nothing of an answer could be read */
  | 'sent'
  /** the backend answered with a status, an error frame or a failed response before it had accepted the request */
  | 'answered'
  /** `response.created`, or any other event of an answer, came */
  | 'accepted'
  /** output was shown to the caller */
  | 'output'

/** What is done with the request; each but `never` is bounded. */
export type Repeat =
  | 'never'
  /** after the wait that the backend names, else after a backoff; uses up `max_retries` */
  | 'after_wait'
  /** after 5, 30 and 120 s, each stretched by up to 2, where no other candidate stands ready; uses up `max_retries` */
  | 'patiently'
  /** like `after_wait`, once in a call */
  | 'once'
  /** at once, with a refreshed token, once in a call */
  | 'refreshed'
  /** at once and whole, on another connection, twice in a call */
  | 'reconnected'
  /** at once without the reasoning of earlier turns, once in a call */
  | 'without_reasoning'
  /** at once over HTTP, once in a call */
  | 'over_http'

export interface RetryRow {
  /** for the page */
  failure: string
  phases: readonly AttemptPhase[]
  /** fits only these; absent: all */
  classes?: readonly FailureClass[]
  /** fits only these statuses, from and to; absent: all, and failures without one */
  statuses?: readonly (readonly [from: number, to: number])[]
  /** fits only failures without a code of {@link NOT_ACCEPTED_CODES} */
  uncoded?: true
  /** fits only errors whose `retryable` is this */
  retryable?: boolean
  repeat: Repeat
  mayHaveRun: boolean
  why: string
}

/** Codes by which the backend says that it did not take the request; with 500 and 502 they alone are proof. */
export const NOT_ACCEPTED_CODES: readonly string[] = [
  'server_is_overloaded', 'server_overloaded', 'overloaded_error', 'at_capacity', 'slow_down', 'rate_limit_exceeded', 'rate_limit_error',
  'too_many_requests', 'flex_unavailable', 'subscription_sharing_usage_unavailable', 'subscription_sharing_user_unavailable',
  'usage_limit_reached', 'usage_not_included', 'insufficient_quota', 'subscription_sharing_usage_limit_exceeded', 'credit_balance_exhausted',
]

const NOT_TAKEN = ['unsent', 'answered'] as const

export const RETRY_TABLE: readonly RetryRow[] = [
  {
    failure: 'any, after output was shown', phases: ['output'], repeat: 'never', mayHaveRun: true,
    why: 'The caller has a part of the answer; another one would begin anew behind it.',
  },
  {
    failure: 'any, after `response.created` or another event of the answer, `response.failed` included', phases: ['accepted'], repeat: 'never', mayHaveRun: true,
    why: 'The backend has taken the request and may have run and billed it, whatever it says afterwards.',
  },
  {
    failure: 'the 60 minutes of a WebSocket are over; the response it should go on from is gone', phases: ['unsent', 'sent', 'answered'],
    classes: ['connection_limit', 'previous_response_not_found'], repeat: 'reconnected', mayHaveRun: false,
    why: 'The backend says that it did not begin.',
  },
  {
    failure: 'the message is too large for a WebSocket (close 1009)', phases: ['unsent', 'sent', 'answered'],
    classes: ['too_large'], repeat: 'over_http', mayHaveRun: false,
    why: 'A message that was not read whole was not run.',
  },
  {
    failure: 'a cut, a reset, silence, an unreadable head, a protocol error or an oversized first event', phases: ['sent'], repeat: 'never', mayHaveRun: true,
    why: 'The request was sent whole and nothing says that it did not run.',
  },
  {
    failure: 'a success status that is no event stream', phases: ['answered'], statuses: [[200, 299]], repeat: 'never', mayHaveRun: true,
    why: 'Something between here and the backend took the request and answered for it.',
  },
  {
    failure: '504, 52x, 599 and other statuses of gateways', phases: ['answered'], statuses: [[501, 501], [504, 599]], repeat: 'never', mayHaveRun: true,
    why: 'A gateway gave up on a backend that may still be running the request.',
  },
  {
    failure: '500 or 502 without a code that means "not accepted"', phases: ['answered'], statuses: [[500, 500], [502, 502]], uncoded: true,
    repeat: 'never', mayHaveRun: true, why: 'It broke, and nobody says how far it had come.',
  },
  {
    failure: '401: the access token is refused', phases: NOT_TAKEN, classes: ['unauthenticated'], statuses: [[401, 401]],
    repeat: 'refreshed', mayHaveRun: false, why: 'Refused before it ran; a refreshed token may pass.',
  },
  {
    failure: 'encrypted reasoning that the backend cannot read', phases: ['answered'], classes: ['invalid_encrypted_content'],
    repeat: 'without_reasoning', mayHaveRun: false, why: 'Refused before it ran; the visible conversation is enough.',
  },
  {
    failure: 'the model is at capacity', phases: NOT_TAKEN, classes: ['at_capacity'], repeat: 'patiently', mayHaveRun: false,
    why: 'Refused before it ran, and a short wait seldom helps.',
  },
  {
    failure: '408: the backend gave up waiting for the request', phases: ['answered'], classes: ['request_timeout'], repeat: 'once', mayHaveRun: false,
    why: 'A request that did not come whole was not run; the second time something else is wrong.',
  },
  {
    failure: '429, 503, a network that brings no connection, and other errors told before the request was accepted', phases: NOT_TAKEN, retryable: true,
    repeat: 'after_wait', mayHaveRun: false, why: 'Not sent, or refused before it ran.',
  },
  {
    failure: 'quota, sign-in, permission, model, policy or the request itself', phases: NOT_TAKEN, repeat: 'never', mayHaveRun: false,
    why: 'Not sent, or refused before it ran; the same request would be refused again.',
  },
]

export interface RetryFacts {
  phase: AttemptPhase
  failureClass: FailureClass
  status: number | undefined
  codes: readonly string[]
  /** of the error that surfaces */
  retryable: boolean
}

/** The row that decides over a failure; total, as the last rows fit whatever no other does. */
export function findRetryRow(facts: RetryFacts): RetryRow {
  return RETRY_TABLE.find((row) => fits(row, facts)) as RetryRow
}

function fits(row: RetryRow, { phase, failureClass, status, codes, retryable }: RetryFacts): boolean {
  return (
    row.phases.includes(phase) &&
    (row.classes?.includes(failureClass) ?? true) &&
    (row.statuses?.some(([from, to]) => status !== undefined && from <= status && status <= to) ?? true) &&
    (row.retryable ?? retryable) === retryable &&
    !(row.uncoded && codes.some((code) => NOT_ACCEPTED_CODES.includes(code)))
  )
}
