import type { LLMError } from '../contract/index.js'

/** The attempt ledger's states: automatic repeats start only from `unsent` and `refused`. */
export type AttemptState =
  /** the request's last byte had not left */
  | 'unsent'
  /** the server itself said that it will not run, or stopped running, the request */
  | 'refused'
  /** sent, and nothing heard */
  | 'sent'
  /** an event was seen */
  | 'accepted'
  /** output was seen */
  | 'output'

/** One attempt's end: the classified error, and how far the attempt had come. */
export class AttemptFailure extends Error {
  override readonly name = 'AttemptFailure'
  constructor(
    readonly error: LLMError,
    readonly state: AttemptState,
    /** the bearer that was refused, where the refusal was about it */
    readonly rejectedToken?: string,
  ) {
    super(error.message)
    // The bearer must not show when the failure is inspected.
    Object.defineProperty(this, 'rejectedToken', { value: rejectedToken, enumerable: false })
  }
}
