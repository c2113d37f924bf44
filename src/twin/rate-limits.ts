/** Quota windows: as headers, as the `codex.rate_limits` event, as the usage endpoint, and when they are used up. */
import type { TwinBehaviour } from './behaviour.js'
import { beginAnew, drawOn, emptied, fullWindow, roundToTell, type RateWindow, type Windows } from './plan-windows.js'
import type { Refusal } from './refusal.js'
import { errorRefusal } from './refusal.js'
import type { Lane } from './token-ledger.js'
import type { Usage } from './usage-meter.js'

export interface ExhaustDetails {
  /** default the account's */
  planType?: string
  /** default 300 */
  limitWindowMinutes?: number
  /** x-codex-active-limit; default `premium` */
  activeLimit?: string
}

export interface RateLimits {
  plan_type?: string
  primary?: RateWindow | null
  secondary?: RateWindow | null
  credits?: { has_credits: boolean; unlimited: boolean; balance: string | null } | null
  /** further limits by id, such as `codex-bengalfox`; `normal_model_slug` is the model a limit is for */
  additional?: Record<string, { limit_name?: string; normal_model_slug?: string; primary?: RateWindow | null; secondary?: RateWindow | null }>
  /** headers as they stand, over the computed ones; values may be empty */
  raw_headers?: Record<string, string>
  /** resets of the windows that the account has in reserve; default 0 */
  reset_credits?: number
}

interface Exhaustion {
  resetsAt: number
  details: ExhaustDetails
}

export interface QuotaBoard {
  set(limits: RateLimits): void
  headers(): Record<string, string>
  event(): Record<string, unknown>
  usage(account: { accountId: string; subject: string }): Record<string, unknown>
  /** Spends one reset in reserve on the windows; the same request id spends none twice. */
  redeem(requestId: string): Record<string, unknown>
  exhaust(model: string, resetsAt: number, details: ExhaustDetails): void
  relieve(model?: string): void
  /** How full the windows really are, before that is rounded to be told. */
  used(): { primary: number; secondary: number }
  /** Counts a completed answer, where the behaviour says what it draws. */
  draw(model: string, usage: Usage): void
  /** The refusal where the model's window is used up. */
  verdict(model: string, lane: Lane): Refusal | undefined
}

export function createQuotaBoard(parts: { planType: string; now: () => number; behaviour: Pick<TwinBehaviour, 'planUse'> }): QuotaBoard {
  const seconds = () => Math.floor(parts.now() / 1000)
  let limits: RateLimits = {
    primary: { used_percent: 12, window_minutes: 300, reset_at: seconds() + 9_000 },
    secondary: { used_percent: 34, window_minutes: 10_080, reset_at: seconds() + 345_600 },
    credits: { has_credits: false, unlimited: false, balance: null },
  }
  const exhausted = new Map<string, Exhaustion>()
  const redeemed = new Set<string>()
  const planType = () => limits.plan_type ?? parts.planType
  const planUse = () => parts.behaviour.planUse
  const current = (): RateLimits => (limits = { ...limits, ...beginAnew(limits, planUse(), seconds()) })
  const told = (): RateLimits => ({ ...current(), ...roundToTell(limits, planUse()) })
  const headers = (): Record<string, string> => ({
    'x-codex-plan-type': planType(),
    ...windowHeaders('codex', told(), seconds()),
    ...creditHeaders(limits),
    ...Object.fromEntries(Object.entries(limits.additional ?? {}).flatMap(([id, extra]) => [
      ...Object.entries(windowHeaders(id, extra, seconds())), [`x-${id}-limit-name`, extra.limit_name ?? id],
    ])),
    ...limits.raw_headers,
  })

  return {
    set(next) {
      limits = { ...limits, ...next }
    },
    headers,
    event: () => ({
      type: 'codex.rate_limits',
      plan_type: planType(),
      rate_limits: { allowed: true, limit_reached: false, primary: told().primary ?? null, secondary: told().secondary ?? null },
      credits: limits.credits ?? null,
      metered_limit_name: 'codex',
      limit_name: null,
      additional_rate_limits: limits.additional ?? null,
    }),
    usage: (account) => describeUsage(current(), { ...account, planType: planType() }, seconds()),
    redeem(requestId) {
      const { code, windows_reset } = judgeRedemption(current(), redeemed.has(requestId))
      if (code === 'reset') limits = { ...limits, ...emptied(limits), reset_credits: (limits.reset_credits ?? 0) - 1 }
      if (code === 'reset') redeemed.add(requestId)
      return { code, windows_reset }
    },
    exhaust: (model, resetsAt, details) => void exhausted.set(model, { resetsAt, details }),
    relieve: (model) => (model === undefined ? exhausted.clear() : void exhausted.delete(model)),
    used: () => ({ primary: current().primary?.used_percent ?? 0, secondary: limits.secondary?.used_percent ?? 0 }),
    draw: (model, usage) => void (limits = { ...current(), ...drawOn(limits, planUse(), model, usage) }),
    verdict(model, lane) {
      const full = planUse() ? fullWindow(current()) : undefined
      if (full) return refuseExhausted({ resetsAt: full.reset_at, details: { limitWindowMinutes: full.window_minutes } }, lane, { seconds: seconds(), planType: planType(), headers: headers() })
      for (const key of [model, '*']) {
        const found = exhausted.get(key)
        if (!found) continue
        if (found.resetsAt > seconds()) return refuseExhausted(found, lane, { seconds: seconds(), planType: planType(), headers: headers() })
        exhausted.delete(key)
      }
      return undefined
    },
  }
}

function judgeRedemption(limits: RateLimits, isRedeemed: boolean): { code: string; windows_reset: number } {
  const used = [limits.primary, limits.secondary].filter((window) => window != null && window.used_percent > 0).length
  const code = isRedeemed ? 'already_redeemed' : !limits.reset_credits ? 'no_credit' : used === 0 ? 'nothing_to_reset' : 'reset'
  return { code, windows_reset: code === 'reset' ? used : 0 }
}

function refuseExhausted(
  found: Exhaustion, lane: Lane, at: { seconds: number; planType: string; headers: Record<string, string> },
): Refusal {
  if (lane === 'plan') {
    return errorRefusal(429, {
      code: 'subscription_sharing_usage_limit_exceeded', type: 'rate_limit_error',
      message: 'The usage limit of the plan or of this app has been reached. See https://chatgpt.com/settings/usage.',
    })
  }
  if (lane === 'api_key') {
    return errorRefusal(429, {
      code: 'insufficient_quota', type: 'insufficient_quota',
      message: 'You exceeded your current quota, please check your plan and billing details.',
    })
  }
  const { details, resetsAt } = found
  const body = {
    error: {
      type: 'usage_limit_reached', message: 'The usage limit has been reached', plan_type: details.planType ?? at.planType,
      resets_at: resetsAt, resets_in_seconds: resetsAt - at.seconds, limit_window_minutes: details.limitWindowMinutes ?? 300,
    },
  }
  const headers = {
    ...at.headers, 'x-codex-active-limit': details.activeLimit ?? 'premium', 'x-codex-rate-limit-reached-type': 'rate_limit_reached',
  }
  return { status: 429, headers, body }
}

function windowHeaders(id: string, windows: Windows, seconds: number): Record<string, string> {
  const lines: Record<string, string> = {}
  for (const name of ['primary', 'secondary'] as const) {
    const window = windows[name]
    if (!window) continue
    lines[`x-${id}-${name}-used-percent`] = String(window.used_percent)
    lines[`x-${id}-${name}-window-minutes`] = String(window.window_minutes)
    lines[`x-${id}-${name}-reset-at`] = String(window.reset_at)
    lines[`x-${id}-${name}-reset-after-seconds`] = String(Math.max(0, window.reset_at - seconds))
  }
  return lines
}

function creditHeaders(limits: RateLimits): Record<string, string> {
  const { credits } = limits
  if (!credits) return {}
  return {
    'x-codex-credits-has-credits': credits.has_credits ? 'True' : 'False',
    'x-codex-credits-unlimited': credits.unlimited ? 'True' : 'False',
    'x-codex-credits-balance': credits.balance ?? '',
  }
}

function describeUsage(
  limits: RateLimits, account: { accountId: string; subject: string; planType: string }, seconds: number,
): Record<string, unknown> {
  const toWindow = (window: RateWindow | null | undefined) => window ? {
    used_percent: Math.round(window.used_percent), limit_window_seconds: window.window_minutes * 60,
    reset_after_seconds: Math.max(0, window.reset_at - seconds), reset_at: window.reset_at,
  } : null
  const toLimit = (windows: Windows) => {
    const full = [windows.primary, windows.secondary].some((window) => window != null && window.used_percent >= 100)
    return { allowed: !full, limit_reached: full, primary_window: toWindow(windows.primary), secondary_window: toWindow(windows.secondary) }
  }
  const credits = limits.credits ? { ...limits.credits, approx_local_messages: null, approx_cloud_messages: null } : null
  return {
    plan_type: account.planType, account_id: account.accountId, user_id: account.subject, rate_limit: toLimit(limits), credits,
    additional_rate_limits: Object.entries(limits.additional ?? {}).map(([id, extra]) => ({
      limit_name: extra.limit_name ?? id, metered_feature: id.replaceAll('-', '_'), rate_limit: toLimit(extra),
      normal_model_slug: extra.normal_model_slug ?? null,
    })),
    spend_control: null, rate_limit_reached_type: toLimit(limits).limit_reached ? { type: 'rate_limit_reached' } : null, rate_limit_reset_credits: { available_count: limits.reset_credits ?? 0 },
  }
}
