import { isLLMError } from '../contract/index.js'
import { defined, isRecord, readNumber, readString } from '../lib/index.js'
import type { FailureReading } from './types.js'

/** Reads an error by the contract's fields, also one that crossed a border as JSON or was wrapped as a `cause`. */
export function readFailure(error: unknown): FailureReading {
  if (isLLMError(error)) {
    const { name, message, retryable, retry_after: retryAfter, code, status_code: status } = error
    return {
      kind: name, message, retryable,
      ...defined({ retryAfter, code, status }),
    }
  }
  if (error instanceof Error && isLLMError(error.cause)) return readFailure(error.cause)
  if (!isRecord(error)) return { kind: typeof error, message: String(error) }
  const { retryable } = error
  const [code, status, retryAfter] = [readString(error, 'code'), readNumber(error, 'status_code'), readNumber(error, 'retry_after')]
  return {
    kind: readString(error, 'name') ?? readString(error, 'type') ?? 'Error',
    message: error instanceof Error ? error.message : (readString(error, 'message') ?? ''),
    ...(typeof retryable === 'boolean' ? { retryable } : {}),
    ...defined({ code, status, retryAfter }),
  }
}
