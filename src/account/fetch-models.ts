import type { Credential, CredentialSource } from '../auth/credential-source.js'
import { LLMError, StreamError } from '../contract/index.js'
import { backoffMs, isRecord, parseJson } from '../lib/index.js'
import { clientHeaders } from './client-headers.js'
import { fromTransportFailure, mapWireFailure } from '../responses/index.js'
import type { HttpReply, Transport, TransportFailure } from '../transport/transport.js'

export interface FetchModelsOptions {
  transport: Transport
  credentials: CredentialSource
  baseUrl: string
  /** a plain triple; what is too low hides newer models */
  clientVersion: string
  userAgent: string
  provider: string
  maxRetries: number
  now: () => number
  random: () => number
  delay: (ms: number, options: { signal?: AbortSignal }) => Promise<void>
}

/** The official client's own limit for the listing. */
const LISTING_TIMEOUT_MS = 5_000
const BACKOFF = { baseMs: 300, capMs: 3_000 }
/** A listing stands before a call, so it does not try as long as one. */
const MOST_RETRIES = 2

/** Asks the backend for the account's models, retried like any other call. @throws LLMError */
export function createModelsFetcher(options: FetchModelsOptions): (signal?: AbortSignal) => Promise<{ models: unknown[]; etag?: string }> {
  const retries = Math.min(options.maxRetries, MOST_RETRIES)
  return async (signal) => {
    let refreshed = false
    for (let attempt = 1; ; attempt++) {
      const credential = await options.credentials.current({ signal })
      const result = await ask(options, credential, signal)
      if (!(result instanceof LLMError)) return result
      if (result.status_code === 401 && !refreshed) {
        refreshed = true
        await options.credentials.replace(credential.accessToken, { signal })
        // A repair is no retry.
        attempt--
        continue
      }
      if (!result.retryable || attempt > retries) throw result
      await options.delay(backoffMs(BACKOFF, attempt, options.random), { signal })
    }
  }
}

async function ask(
  options: FetchModelsOptions, credential: Credential, signal?: AbortSignal,
): Promise<{ models: unknown[]; etag?: string } | LLMError> {
  const context = { provider: options.provider, model: '', lane: credential.lane, signInCommand: options.credentials.signIn, nowMs: options.now() }
  let reply: HttpReply
  try {
    reply = await options.transport.fetch({
      method: 'GET',
      url: `${options.baseUrl}/models?client_version=${encodeURIComponent(options.clientVersion)}`,
      headers: { ...clientHeaders(options, credential), accept: 'application/json' },
      signal,
      timeouts: { connectMs: LISTING_TIMEOUT_MS, totalMs: LISTING_TIMEOUT_MS },
    })
  } catch (thrown) {
    if (!isTransportFailure(thrown)) throw thrown
    return mapWireFailure(fromTransportFailure(thrown), context)
  }
  if (reply.status < 200 || reply.status > 299) {
    return mapWireFailure({ source: 'http', status: reply.status, headers: { ...reply.headers }, body: reply.body }, context)
  }
  const body = parseJson(reply.body)
  // The Codex backend and the plan route answer `models`, the public API `data`.
  const models = isRecord(body) ? (Array.isArray(body.models) ? body.models : body.data) : undefined
  if (!Array.isArray(models)) {
    return new StreamError('The model list that the server answered is not in a form this version knows.', {
      provider: options.provider, code: 'malformed_models',
    })
  }
  const etag = reply.headers.etag
  return { models, ...(etag === undefined ? {} : { etag }) }
}

function isTransportFailure(thrown: unknown): thrown is TransportFailure {
  return thrown instanceof Error && thrown.name === 'TransportFailure'
}
