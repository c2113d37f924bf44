import type { AccountUsage, WindowOutlook } from '../account/index.js'
import type { AccountContainer } from '../compose-account.js'
import { ConfigurationError } from '../contract/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { withAccount } from './login.js'
import { createPrint, type Print } from './print.js'
import { readConfig } from './read-config.js'
import { writeNotice } from './terminal.js'

const BAR_WIDTH = 20

/** What a mount begins with; the route of an answer says what it came over, and why. */
const TRANSPORT_CHOICES = {
  auto: 'WebSocket first, HTTP for a minute where the upgrade fails (amplifier-chatgpt doctor tries it)',
  websocket: 'WebSocket only, as configured',
  sse: 'HTTP only, as configured',
} as const

/** Who is signed in, until when, how much of the quota is used and when it runs out. Calls nobody, but with `--live` the account's usage endpoint. */
export async function status(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const { options, passedOver } = await readConfig(context, flags)
  for (const note of passedOver) writeNotice(context.terminal, `note: ${note}`)
  return withAccount(options, context, async (account) => {
    const { credentials, lane } = account
    const state = lane.apiKey === undefined ? await credentials.state() : undefined
    const credential = await credentials.peek().catch(() => undefined)
    if (!credential) {
      const message = state && state.state !== 'present' ? state.message : `nobody is signed in. Run ${credentials.signIn}`
      print.line(message)
      print.value({ signed_in: false, lane: lane.name, state: state?.state ?? 'missing', message })
      return EXIT.auth
    }
    const refused = await credentials.refusal().catch(() => undefined)
    account.useAccount(credential.accountKey)
    await account.quota.ready()
    const usage = flags.live === true ? await readUsage(account, context.signal) : undefined
    const windows = account.quota.outlook()
    const lastRefresh = state?.state === 'present' ? state.record.last_refresh : undefined
    const facts = {
      lane: lane.name,
      billing: lane.billing,
      account: options.account ?? 'default',
      workspace: credential.accountId,
      plan: credential.planType,
      email: credential.email,
      expires_at: credential.expiresAtMs === undefined ? undefined : new Date(credential.expiresAtMs).toISOString(),
      last_refresh: lastRefresh,
      refused,
      store: account.store.place,
      base_url: options.baseUrl,
      transport: options.transport,
      transport_choice: TRANSPORT_CHOICES[options.transport],
      matrix: options.matrix,
    }
    for (const [name, value] of Object.entries(facts)) if (value !== undefined) print.line(`${name.replaceAll('_', ' ').padEnd(18)}${value}${name === 'expires_at' ? ` (${describeExpiry(credential.expiresAtMs, refused)})` : ''}`)
    print.line()
    if (windows.length === 0) print.line('No quota has been seen yet; it comes with the first answer.')
    for (const window of windows) print.line(describeWindow(print, window))
    for (const line of describeUsage(usage)) print.line(line)
    print.value({ signed_in: refused === undefined, ...facts, quota: windows, ...(usage ? { usage } : {}) })
    return refused === undefined ? EXIT.ok : EXIT.auth
  })
}

function describeExpiry(expiresAtMs: number | undefined, refused: string | undefined): string {
  if (expiresAtMs === undefined) return 'unknown'
  if (refused !== undefined) return 'not refreshed any more'
  const minutes = Math.round((expiresAtMs - Date.now()) / 60_000)
  return minutes <= 0 ? 'expired; it is refreshed at the next call' : `in ${formatMinutes(minutes)}; refreshed by itself`
}

/** @throws LLMError; ConfigurationError on a lane that has no such endpoint */
export async function readUsage({ usage, lane }: AccountContainer, signal: AbortSignal): Promise<AccountUsage> {
  if (!usage) throw new ConfigurationError(`lane ${lane.name} has no usage endpoint: its figures come with its answers`, { code: 'usage' })
  return usage.read(signal)
}

function describeUsage(usage: AccountUsage | undefined): string[] {
  if (!usage) return []
  const { credits, banked_resets: resets, limit_reached: reached } = usage
  const held = credits?.unlimited ? 'unlimited' : credits?.has_credits ? (credits.balance ?? 'some') : 'none'
  return [
    ...(reached === undefined ? [] : [`limit reached     ${reached}`]),
    ...(credits ? [`credits           ${held}`] : []),
    ...(resets === undefined ? [] : [`banked resets     ${resets}${resets > 0 ? ' (amplifier-chatgpt redeem-reset spends one)' : ''}`]),
  ]
}

export function describeWindow({ paint }: Print, window: WindowOutlook): string {
  const filled = Math.min(BAR_WIDTH, Math.round((window.used_percent / 100) * BAR_WIDTH))
  const color = window.used_percent >= 100 ? paint.red : window.used_percent >= 80 ? paint.yellow : paint.green
  const bar = color('█'.repeat(filled)) + paint.dim('░'.repeat(BAR_WIDTH - filled))
  const reset = window.resets_at === undefined ? '' : `, resets ${window.resets_at}`
  return `${window.limit_id.padEnd(10)} ${formatMinutes(window.window_minutes).padStart(6)} ${bar} ${String(window.used_percent).padStart(5)} %${reset} (seen ${window.age_seconds} s ago)${describePace(window)}`
}

function describePace({ pace }: WindowOutlook): string {
  if (!pace) return ''
  const { percent_per_hour: perHour, runs_out_at: at, error_minutes: error } = pace
  if (at === undefined) return `, ${perHour} % an hour`
  const minutes = Math.max(0, Math.round((Date.parse(at) - Date.now()) / 60_000))
  return `, ${perHour} % an hour: runs out ${at.slice(0, 16)}Z, in ${minutes} min${error === undefined ? '' : ` ± ${Math.ceil(error)}`}`
}

export function formatMinutes(minutes: number): string {
  if (minutes >= 1440) return `${Math.round(minutes / 1440)} d`
  return minutes >= 60 ? `${Math.round(minutes / 60)} h` : `${minutes} min`
}
