import type { StatusObject } from '@grpc/grpc-js'
import { describeError, isLLMError, LLMError, withCode, type LLMErrorName } from '../contract/index.js'
import { wellFormed } from '../lib/index.js'
import type { DetailWriters, LoadedGrpc } from './load-grpc.js'

export interface GrpcFailure {
  code: number
  details: string
  /** binary metadata by key */
  trailers: Readonly<Record<string, Buffer>>
}

/** gRPC status, and the kernel's own kind of error, for each of ours. */
const KINDS: Readonly<Record<LLMErrorName, readonly [status: number, kind: number]>> = {
  LLMError: [2, 8], RateLimitError: [8, 2], QuotaExceededError: [8, 2], AuthenticationError: [16, 1], AccessDeniedError: [7, 1],
  ContextLengthError: [3, 3], ContentFilterError: [3, 5], InvalidRequestError: [3, 4], InvalidToolCallError: [3, 4], NotFoundError: [5, 4],
  ProviderUnavailableError: [14, 6], NetworkError: [14, 6], StreamError: [14, 6], LLMTimeoutError: [4, 7], AbortError: [1, 8],
  ConfigurationError: [9, 4],
}
/** Node limits a header block; a sentence is enough. */
const MAX_MESSAGE = 1000

/**
 * A failure as status code plus details: `grpc-status-details-bin` for any client, `amplifier-error-bin` with
 * the whole typed error as JSON, since the protocol's own kinds are fewer than the contract's.
 */
export function writeFailure(error: unknown, write: DetailWriters): GrpcFailure {
  const typed = isLLMError(error) ? error : new LLMError(`unexpected failure: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  // The library encodes the text as a URI, which throws at half a character, outside of any promise.
  const message = wellFormed(withCode(typed.words.slice(0, MAX_MESSAGE), typed.code))
  const [code, kind] = KINDS[typed.name]
  // Kernels know no other word, and a loop repeats what it is true of. The whole error says `may_have_run` beside it.
  const retryable = typed.retryable && !typed.may_have_run
  const value = write.amplifierError({
    provider_error: {
      error_type: kind,
      message,
      provider_name: typed.provider ?? '',
      model: typed.model ?? '',
      status_code: typed.status_code ?? 0,
      retryable,
      retry_after: typed.retry_after ?? 0,
    },
  })
  const whole = {
    ...describeError(typed), message, provider: typed.provider, model: typed.model, status_code: typed.status_code, delay_multiplier: typed.delay_multiplier,
  }
  return {
    code,
    details: message,
    trailers: {
      'grpc-status-details-bin': write.statusDetails({ code, message, details: [{ type_url: 'type.googleapis.com/amplifier.module.AmplifierError', value }] }),
      'amplifier-error-bin': Buffer.from(JSON.stringify(whole)),
    },
  }
}

/** The same as gRPC takes it. */
export function writeStatus(error: unknown, { grpc, writers }: Pick<LoadedGrpc, 'grpc' | 'writers'>): StatusObject {
  const { code, details, trailers } = writeFailure(error, writers)
  const metadata = new grpc.Metadata()
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value)
  return { code, details, metadata }
}
