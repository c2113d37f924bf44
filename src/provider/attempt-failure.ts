import type { LLMError } from '../contract/index.js'
import type { Repeat } from '../responses/index.js'

/** One attempt's end: the classified error, and what the retry table says of its request. */
export class AttemptFailure extends Error {
  override readonly name = 'AttemptFailure'
  constructor(
    readonly error: LLMError,
    readonly repeat: Repeat,
    /** the bearer that was refused, where the refusal was about it */
    readonly rejectedToken?: string,
  ) {
    super(error.message)
    // The bearer must not show when the failure is inspected.
    Object.defineProperty(this, 'rejectedToken', { value: rejectedToken, enumerable: false })
  }
}
