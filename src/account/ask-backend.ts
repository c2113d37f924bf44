import type { Credential, CredentialSource } from '../auth/credential-source.js'
import { LLMError, StreamError } from '../contract/index.js'
import { backoffMs } from '../lib/index.js'
import { fromTransportFailure, mapWireFailure } from '../responses/index.js'
import type { HttpReply, Transport, TransportFailure } from '../transport/transport.js'
import { clientHeaders } from './client-headers.js'

export interface AskBackendOptions {
  transport: Transport
  credentials: CredentialSource
  userAgent: string
  provider: string
  maxRetries: number
  /** for the whole of one request */
  timeoutMs: number
  now: () => number
  random: () => number
  delay: (ms: number, options: { signal?: AbortSignal }) => Promise<void>
}

/** A question about the account; none of them is a call of a model. */
export interface BackendQuestion<Answer> {
  method: 'GET' | 'POST'
  url: string
  /** sent as JSON */
  body?: unknown
  /** What the answer says; undefined where it is in no form that is known. */
  decode: (reply: HttpReply) => Answer | undefined
  /** what the error of an unknown form is about */
  malformed: { message: string; code: string }
}

export type AskBackend = <Answer>(question: BackendQuestion<Answer>, signal?: AbortSignal) => Promise<Answer>

const BACKOFF = { baseMs: 300, capMs: 3_000 }
/** Calls wait for some of these questions, so they are tried fewer times than a call. */
const MOST_RETRIES = 2

/**
 * Asks with the credential in force, refreshes a refused one once, and repeats what may be repeated.
 * A question with a body must be one that does no harm when it is asked twice. @throws LLMError
 */
export function createBackendAsker(options: AskBackendOptions): AskBackend {
  const retries = Math.min(options.maxRetries, MOST_RETRIES)
  return async (question, signal) => {
    let refreshed = false
    for (let attempt = 1; ; attempt++) {
      const credential = await options.credentials.current({ signal })
      const result = await ask(options, question, credential, signal)
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

async function ask<Answer>(
  options: AskBackendOptions, { method, url, body, decode, malformed }: BackendQuestion<Answer>, credential: Credential, signal?: AbortSignal,
): Promise<Answer | LLMError> {
  const context = { provider: options.provider, model: '', lane: credential.lane, signInCommand: options.credentials.signIn, nowMs: options.now() }
  let reply: HttpReply
  try {
    reply = await options.transport.fetch({
      method, url, signal,
      headers: { accept: 'application/json', ...clientHeaders(options, credential), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      timeouts: { connectMs: options.timeoutMs, totalMs: options.timeoutMs },
    })
  } catch (thrown) {
    if (!isTransportFailure(thrown)) throw thrown
    return mapWireFailure(fromTransportFailure(thrown), context)
  }
  if (reply.status < 200 || reply.status > 299) {
    return mapWireFailure({ source: 'http', status: reply.status, headers: { ...reply.headers }, body: reply.body }, context)
  }
  return decode(reply) ?? new StreamError(malformed.message, { provider: options.provider, code: malformed.code })
}

function isTransportFailure(thrown: unknown): thrown is TransportFailure {
  return thrown instanceof Error && thrown.name === 'TransportFailure'
}
