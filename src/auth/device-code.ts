/**
 * Sign-in with a code that is typed in a browser, on any machine. It resembles RFC 8628 and is not it:
 * JSON bodies, 403 and 404 mean "not yet", and the PKCE pair is the server's.
 */
import { AbortError, AuthenticationError, LLMTimeoutError } from '../contract/index.js'
import { decodeNumber, delay as realDelay, isRecord, parseJson, readString, startElapsed } from '../lib/index.js'
import { exchangeCode, mapSignInFailure } from './exchange-code.js'
import { ExchangeError, postFields, refusal, type TokenCall } from './token-endpoint.js'
import type { SignIn } from './sign-in.js'
import type { Transport } from '../transport/transport.js'

export interface DeviceCodeOptions {
  transport: Transport
  issuer: string
  clientId: string
  /** shows the user where to go and what to type; called once */
  show: (prompt: DeviceCodePrompt) => void
  /** the command that began this sign-in, for messages; default `amplifier-chatgpt login` */
  command?: string
  now?: () => number
  delay?: typeof realDelay
  signal?: AbortSignal
}

export interface DeviceCodePrompt {
  url: string
  userCode: string
  /** ms since 1970 */
  expiresAtMs: number
  /** the whole of it in words, with the setting that has to be on */
  text: string
}

const LIMIT_MS = 15 * 60_000
const DEFAULT_INTERVAL_MS = 5000

/**
 * Shows a code, waits until it was typed, and exchanges what comes back.
 * @throws AuthenticationError (not enabled, refused), LLMTimeoutError after 15 minutes, AbortError
 */
export async function signInWithDeviceCode(options: DeviceCodeOptions): Promise<SignIn> {
  const { issuer, clientId, transport, signal } = options
  const now = options.now ?? Date.now
  try {
    const started = await requestUserCode(options)
    const shownFor = startElapsed(now)
    options.show(describePrompt(`${issuer}/codex/device`, started.userCode, now() + LIMIT_MS))
    const granted = await pollForCode(options, started, shownFor)
    const reply = await exchangeCode({
      transport, now, clientId,
      ...(signal ? { signal } : {}),
      url: `${issuer}/oauth/token`,
      redirectUri: `${issuer}/deviceauth/callback`,
      ...granted,
    })
    return { reply, fields: { client_id: clientId } }
  } catch (error) {
    if (signal?.aborted) throw new AbortError('sign-in cancelled; nothing was changed', { cause: error })
    throw mapSignInFailure(error)
  }
}

interface Started {
  deviceAuthId: string
  userCode: string
  intervalMs: number
}

interface Granted {
  code: string
  codeVerifier: string
}

async function requestUserCode(options: DeviceCodeOptions): Promise<Started> {
  const call = callTo(options, 'usercode', { client_id: options.clientId })
  const reply = await postFields(call)
  if (reply.status === 404) {
    throw new AuthenticationError(
      `${options.issuer} does not offer device codes to this account. Switch them on in ChatGPT under Settings → Security → ` +
      `device code sign-in (a workspace admin may have to), or run ${commandOf(options)} --browser`, { code: 'device_code_not_enabled', status_code: 404 })
  }
  if (reply.status < 200 || reply.status > 299) throw refusal(call, reply)
  const body = parseJson(reply.body)
  const deviceAuthId = isRecord(body) ? readString(body, 'device_auth_id') : undefined
  const userCode = isRecord(body) ? (readString(body, 'user_code') ?? readString(body, 'usercode')) : undefined
  if (!isRecord(body) || deviceAuthId === undefined || userCode === undefined) {
    throw new AuthenticationError(`${call.url} answered without a code`, { code: 'malformed_answer' })
  }
  const seconds = decodeNumber(body['interval'], { least: 1e-3, most: LIMIT_MS / 1000 })
  return { deviceAuthId, userCode, intervalMs: seconds === undefined ? DEFAULT_INTERVAL_MS : seconds * 1000 }
}

const commandOf = ({ command = 'amplifier-chatgpt login' }: DeviceCodeOptions): string => command

/** A network that is away for a while doesn't end the sign-in: the code is good until it expires. */
async function pollForCode(options: DeviceCodeOptions, started: Started, shownFor: () => number): Promise<Granted> {
  const { signal } = options
  const wait = options.delay ?? realDelay
  const call = callTo(options, 'token', { device_auth_id: started.deviceAuthId, user_code: started.userCode })
  for (;;) {
    const reply = await postFields(call).catch((error: unknown) => {
      if (error instanceof ExchangeError && error.kind === 'transient') return undefined
      throw error
    })
    if (reply && reply.status >= 200 && reply.status <= 299) return decodeGrant(call.url, reply.body)
    const pending = reply === undefined || reply.status === 403 || reply.status === 404 || reply.status === 429 || reply.status >= 500
    if (!pending) throw refusal(call, reply)
    if (shownFor() + started.intervalMs >= LIMIT_MS) {
      throw new LLMTimeoutError(`the sign-in code was not used within 15 minutes and has expired. Run ${commandOf(options)} again`, { code: 'device_code_expired', retryable: false })
    }
    await wait(started.intervalMs, signal ? { signal } : {})
  }
}

function decodeGrant(url: string, text: string): Granted {
  const body = parseJson(text)
  const code = isRecord(body) ? readString(body, 'authorization_code') : undefined
  const codeVerifier = isRecord(body) ? readString(body, 'code_verifier') : undefined
  if (code === undefined || codeVerifier === undefined) throw new AuthenticationError(`${url} answered without an authorization code`, { code: 'malformed_answer' })
  return { code, codeVerifier }
}

function describePrompt(url: string, userCode: string, expiresAtMs: number): DeviceCodePrompt {
  const text = [
    'To sign in with ChatGPT:',
    `  1. Open ${url} in a browser, on any machine`,
    `  2. Type this code: ${userCode}`,
    'The code is good for 15 minutes. If the page refuses it, switch device codes on in ChatGPT under',
    'Settings → Security → device code sign-in. Never type a code that somebody else sent you.',
  ].join('\n')
  return { url, userCode, expiresAtMs, text }
}

function callTo(options: DeviceCodeOptions, path: 'usercode' | 'token', fields: Record<string, string>): TokenCall {
  return {
    transport: options.transport,
    url: `${options.issuer}/api/accounts/deviceauth/${path}`,
    encoding: 'json',
    fields,
    ...(options.now ? { now: options.now } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  }
}
