/** What the two browser sign-ins have in common: PKCE, state, the callback, and a page that says how it ended. */
import { createHash, randomBytes } from 'node:crypto'
import { AbortError, AccessDeniedError, AuthenticationError, LLMTimeoutError } from '../contract/index.js'
import { delay as realDelay } from '../lib/index.js'
import { startCallbackServer, type CallbackServer } from './callback-server.js'
import { mapSignInFailure } from './exchange-code.js'
import type { Transport } from '../transport/transport.js'

export interface BrowserPrompt {
  /** what to open */
  url: string
  /** the whole of it in words */
  text: string
}

/** What every browser sign-in takes. */
export interface BrowserOptions {
  transport: Transport
  /** shows the address, and may open it; called once */
  show: (prompt: BrowserPrompt) => void
  now?: () => number
  delay?: typeof realDelay
  randomBytes?: (size: number) => Buffer
  /** how long to wait for the browser; default 10 minutes */
  timeoutMs?: number
  /** the command that began this sign-in, for messages; default `amplifier-chatgpt login` */
  command?: string
  /** of 127.0.0.1, tried in order; 0 takes any that is free */
  ports?: readonly number[]
  signal?: AbortSignal
}

export interface Authorization<Result> {
  issuer: string
  clientId: string
  /** `localhost` or `127.0.0.1`, as the client is registered */
  callbackHost: string
  ports: readonly number[]
  authorizeUrl: string
  /** what to do on a machine without a browser, as an order */
  withoutBrowser: string
  /** beside those of PKCE */
  parameters: Record<string, string>
  /** Turns the callback into a sign-in, before the browser is told how it ended. */
  redeem: (callback: { code: string; codeVerifier: string; redirectUri: string; parameters: URLSearchParams }) => Promise<Result>
}

const TIMEOUT_MS = 10 * 60_000

/** @throws AuthenticationError, AccessDeniedError, LLMTimeoutError, AbortError, ConfigurationError (no port) */
export async function authorizeInBrowser<Result>(options: BrowserOptions, authorization: Authorization<Result>): Promise<Result> {
  const { signal } = options
  if (signal?.aborted) throw new AbortError('sign-in cancelled; nothing was changed', { cause: signal.reason })
  const random = options.randomBytes ?? randomBytes
  const state = random(32).toString('base64url')
  const codeVerifier = random(64).toString('base64url')
  const server = await startCallbackServer({
    ports: authorization.ports, state, transport: options.transport, otherwise: authorization.withoutBrowser, ...(options.delay ? { delay: options.delay } : {}),
  })
  try {
    const redirectUri = `http://${authorization.callbackHost}:${server.port}/auth/callback`
    options.show(describe(buildUrl(authorization, { state, codeVerifier, redirectUri }), authorization))
    const parameters = await waitForCallback(server, options)
    const result = await redeem(authorization, { parameters, state, codeVerifier, redirectUri })
    await server.finish({ kind: 'signed_in' })
    return result
  } catch (error) {
    const failure = signal?.aborted ? new AbortError('sign-in cancelled; nothing was changed', { cause: error }) : mapSignInFailure(error)
    await server.finish({ kind: 'failed', detail: failure instanceof Error ? failure.message : 'unknown failure' })
    throw failure
  } finally {
    await server.close()
  }
}

function buildUrl<Result>(
  authorization: Authorization<Result>,
  { state, codeVerifier, redirectUri }: { state: string; codeVerifier: string; redirectUri: string },
): string {
  const url = new URL(authorization.authorizeUrl)
  const fields: Record<string, string> = {
    response_type: 'code',
    client_id: authorization.clientId,
    redirect_uri: redirectUri,
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
    state,
    ...authorization.parameters,
  }
  for (const [key, value] of Object.entries(fields)) url.searchParams.set(key, value)
  return url.href
}

/** The timer and the caller's signal are let go as soon as one of the three has spoken. */
async function waitForCallback(server: CallbackServer, options: BrowserOptions): Promise<URLSearchParams> {
  const patience = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, patience.signal]) : patience.signal
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  const late = (options.delay ?? realDelay)(timeoutMs, { signal }).then(() => 'late' as const)
  try {
    const callback = await Promise.race([server.received, late])
    if (callback === 'late') {
      throw new LLMTimeoutError(`nobody finished the sign-in within ${Math.round(timeoutMs / 60_000)} minutes; nothing was changed. Run ${options.command ?? 'amplifier-chatgpt login'} again`, { code: 'sign_in_timeout', retryable: false })
    }
    if (callback === 'cancelled') throw new AbortError('another sign-in took the port over; nothing was changed here', { code: 'sign_in_superseded' })
    return callback
  } finally {
    patience.abort()
    late.catch(() => undefined)
  }
}

async function redeem<Result>(
  authorization: Authorization<Result>,
  callback: { parameters: URLSearchParams; state: string; codeVerifier: string; redirectUri: string },
): Promise<Result> {
  const { parameters, state, codeVerifier, redirectUri } = callback
  const oauth = await import('oauth4webapi')
  try {
    oauth.validateAuthResponse({ issuer: authorization.issuer }, { client_id: authorization.clientId }, parameters, state)
  } catch (cause) {
    throw describeRefusal(parameters, cause)
  }
  const code = parameters.get('code')
  if (code === null || code === '') throw new AuthenticationError('the sign-in came back without a code', { code: 'malformed_answer' })
  return authorization.redeem({ code, codeVerifier, redirectUri, parameters })
}

/** What the issuer says on the callback instead of a code. */
function describeRefusal(parameters: URLSearchParams, cause: unknown): AuthenticationError {
  const code = parameters.get('error') ?? 'malformed_answer'
  const words = `${code} ${parameters.get('error_description') ?? ''}`
  if (words.includes('missing_codex_entitlement')) {
    return new AccessDeniedError('the chosen workspace has no Codex. Sign in again and choose another workspace, or ask its admin', { code: 'missing_codex_entitlement', cause })
  }
  if (code === 'access_denied') return new AccessDeniedError('the sign-in was declined in the browser; nothing was changed', { code, cause })
  return new AuthenticationError(`the sign-in was refused (${code.slice(0, 64)}); nothing was changed. Try again`, { code: code.slice(0, 64), cause })
}

function describe(url: string, { withoutBrowser }: Pick<Authorization<unknown>, 'withoutBrowser'>): BrowserPrompt {
  return { url, text: `To sign in with ChatGPT, open this address in a browser on this machine:\n  ${url}\nOn a machine without one, ${withoutBrowser}.` }
}
