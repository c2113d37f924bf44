import { randomUUID } from 'node:crypto'
import { decodeNumber, defined, isRecord, parseJson, readString } from '../lib/index.js'
import { createBackendAsker, type AskBackendOptions } from './ask-backend.js'
import type { Quota } from './quota.js'
import { createSharedFlight } from './shared-flight.js'

/** What the usage endpoint says beside the windows, which are the quota's. */
export interface AccountUsage {
  plan_type?: string
  credits?: { has_credits: boolean; unlimited: boolean; balance?: string }
  /** resets of the windows that the account has in reserve; redeemed by {@link AccountUsageReader.redeemReset} alone */
  banked_resets?: number
  /** what is used up, in the backend's word, such as `workspace_owner_credits_depleted` */
  limit_reached?: string
}

/** What became of a redemption: the windows are reset, or why not. */
export interface ResetRedemption {
  code: 'reset' | 'nothing_to_reset' | 'no_credit' | 'already_redeemed' | (string & {})
  windows_reset?: number
}

export interface AccountUsageOptions extends Omit<AskBackendOptions, 'timeoutMs'> {
  baseUrl: string
  quota: Quota
}

export interface AccountUsageReader {
  /** Asks the endpoint, once for all who ask at the time; the quota has the windows then. @throws LLMError */
  read(signal?: AbortSignal): Promise<AccountUsage>
  /**
   * Asks behind the calls while a window is near its end, once a minute over all mounts of the process: answers tell
   * their own windows at their end, and then it may be late. Never throws.
   */
  readNearEnd(): void
  /** Spends one banked reset. The request has an id of its own, so that its repetition spends no second one. @throws LLMError */
  redeemReset(signal?: AbortSignal): Promise<ResetRedemption>
}

/** As other clients of the endpoint have it. */
const TIMEOUT_MS = 10_000
/** Where a window's end is near. */
const NEAR_END_PERCENT = 90
const NEAR_END_EVERY_MS = 60_000
const MALFORMED = { message: 'What the server answered about the usage is not in a form this version knows.', code: 'malformed_usage' }

/** `/wham/…` beside the backend's base, `/api/codex/…` at any other server, as the official client has it. */
export function accountUrl(baseUrl: string, path: 'usage' | 'rate-limit-reset-credits/consume'): string {
  const backend = /^(.*?\/backend-api)(?:\/|$)/.exec(baseUrl)?.[1]
  return backend === undefined ? `${baseUrl.replace(/\/codex$/, '')}/api/codex/${path}` : `${backend}/wham/${path}`
}

/** The account's own figures at the Codex backend; the other lanes have no such endpoint. */
export function createAccountUsage({ baseUrl, quota, ...options }: AccountUsageOptions): AccountUsageReader {
  const ask = createBackendAsker({ ...options, timeoutMs: TIMEOUT_MS })
  const flight = createSharedFlight<AccountUsage>()
  const read = (signal?: AbortSignal): Promise<AccountUsage> => flight((inner) => ask({
    method: 'GET',
    url: accountUrl(baseUrl, 'usage'),
    decode({ body }) {
      const payload = parseJson(body)
      if (!isRecord(payload) || !('rate_limit' in payload)) return undefined
      quota.observeUsage(payload)
      return decodeAccountUsage(payload)
    },
    malformed: MALFORMED,
  }, inner), signal)
  return {
    read,
    readNearEnd() {
      if (quota.usageAgeMs() < NEAR_END_EVERY_MS || !quota.windows().some(({ used_percent }) => used_percent >= NEAR_END_PERCENT)) return
      void read().catch(() => undefined)
    },
    redeemReset(signal) {
      const body = { redeem_request_id: randomUUID() }
      const url = accountUrl(baseUrl, 'rate-limit-reset-credits/consume')
      return ask({ method: 'POST', url, body, decode: (reply) => decodeRedemption(reply.body), malformed: MALFORMED }, signal)
    },
  }
}

/** Reads the endpoint's answer; what it does not say, or says in another form, is left out. */
export function decodeAccountUsage(payload: Record<string, unknown>): AccountUsage {
  const { credits, rate_limit_reset_credits: resets, rate_limit_reached_type: reached } = payload
  const planType = readString(payload, 'plan_type')
  const banked = isRecord(resets) ? decodeNumber(resets['available_count'], { least: 0, most: 1e6 }) : undefined
  const limitReached = isRecord(reached) ? readString(reached, 'type') : undefined
  const balance = isRecord(credits) ? readString(credits, 'balance') : undefined
  return {
    ...defined({ plan_type: planType }),
    ...(isRecord(credits)
      ? { credits: { has_credits: credits['has_credits'] === true, unlimited: credits['unlimited'] === true, ...(balance ? { balance } : {}) } }
      : {}),
    ...defined({ banked_resets: banked, limit_reached: limitReached }),
  }
}

function decodeRedemption(text: string): ResetRedemption | undefined {
  const body = parseJson(text)
  const code = isRecord(body) ? readString(body, 'code') : undefined
  if (!isRecord(body) || code === undefined) return undefined
  const count = decodeNumber(body['windows_reset'], { least: 0, most: 1e6 })
  return { code, ...defined({ windows_reset: count }) }
}
