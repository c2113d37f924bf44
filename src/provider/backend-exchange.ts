import type { Credential } from '../auth/credential-source.js'
import type { JsonObject } from '../contract/index.js'
import { createAnswerGuard, type AnswerGuard, type BuiltRequest } from '../responses/index.js'
import type { FrameStream, Timeouts } from '../transport/transport.js'
import type { Choice } from './transport-choice.js'

export interface ExchangeRequest {
  built: BuiltRequest
  credential: Credential
  /** names the conversation: prompt cache key, session header and the owner of its connections */
  conversation: string
  signal: AbortSignal
  timeouts: Timeouts
  httpOnly: boolean
  /** the backend's word for this turn, where it gave one */
  turnState?: string | undefined
  /** asked right before the request leaves; where it answers false, nothing is sent and the exchange fails `unsent` */
  mayLeave?: () => boolean
  /** called once when the request has left, if it does */
  onSent?: () => void
}

export interface Exchange extends Choice {
  frames: FrameStream
  /** what came in front of the answer; an upgrade's headers speak of its first exchange only */
  headers: Readonly<Record<string, string>>
  /** tells this answer's events from those of others */
  guard: AnswerGuard
  /** The answer is complete: its connection may serve the next turn, unless `behind` its end something went on. */
  finish(answer: { responseId?: string; doneItems: readonly JsonObject[]; behind: readonly string[] }): void
  /** The answer is given up: the connection is ended, what the server held is forgotten. Twice without harm. */
  abandon(): void
}

/** A class, since thousands may wait: four functions for each took 300 bytes more. */
export class BackendHttpExchange implements Exchange {
  readonly kind = 'sse'
  readonly guard = createAnswerGuard()

  constructor(readonly reason: string, readonly frames: FrameStream) {}

  get headers(): Exchange['headers'] {
    return this.frames.headers
  }

  finish(): void {
    this.frames.release()
  }

  abandon(): void {
    this.frames.close()
  }
}
