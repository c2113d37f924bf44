import type { QuotaWindow } from '../contract/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { withAccount } from './login.js'
import { createPrint, type Print } from './print.js'
import { readConfig } from './read-config.js'

const BAR_WIDTH = 20

/** What a mount begins with; the route of an answer says what it came over, and why. */
const TRANSPORT_CHOICES = {
  auto: 'WebSocket first, HTTP for a minute where the upgrade fails (amplifier-chatgpt doctor tries it)',
  websocket: 'WebSocket only, as configured',
  sse: 'HTTP only, as configured',
} as const

/** Who is signed in, until when, and how much of the quota is used. Calls nobody. */
export async function status(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const { options } = await readConfig(context, flags)
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
    account.useAccount(credential.accountKey)
    await account.quota.ready()
    const windows = account.quota.windows()
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
      store: account.store.place,
      base_url: options.baseUrl,
      transport: options.transport,
      transport_choice: TRANSPORT_CHOICES[options.transport],
      matrix: options.matrix,
    }
    for (const [name, value] of Object.entries(facts)) if (value !== undefined) print.line(`${name.replaceAll('_', ' ').padEnd(18)}${value}${name === 'expires_at' ? ` (${describeExpiry(credential.expiresAtMs)})` : ''}`)
    print.line()
    if (windows.length === 0) print.line('No quota has been seen yet; it comes with the first answer.')
    for (const window of windows) print.line(describeWindow(print, window))
    print.value({ signed_in: true, ...facts, quota: windows })
    return EXIT.ok
  })
}

function describeExpiry(expiresAtMs: number | undefined): string {
  if (expiresAtMs === undefined) return 'unknown'
  const minutes = Math.round((expiresAtMs - Date.now()) / 60_000)
  return minutes <= 0 ? 'expired; it is refreshed at the next call' : `in ${formatMinutes(minutes)}; refreshed by itself`
}

function describeWindow({ paint }: Print, window: QuotaWindow): string {
  const filled = Math.min(BAR_WIDTH, Math.round((window.used_percent / 100) * BAR_WIDTH))
  const color = window.used_percent >= 100 ? paint.red : window.used_percent >= 80 ? paint.yellow : paint.green
  const bar = color('█'.repeat(filled)) + paint.dim('░'.repeat(BAR_WIDTH - filled))
  const reset = window.resets_at === undefined ? '' : `, resets ${window.resets_at}`
  return `${window.limit_id.padEnd(10)} ${formatMinutes(window.window_minutes).padStart(6)} ${bar} ${String(window.used_percent).padStart(5)} %${reset} (seen ${window.age_seconds} s ago)`
}

export function formatMinutes(minutes: number): string {
  if (minutes >= 1440) return `${Math.round(minutes / 1440)} d`
  return minutes >= 60 ? `${Math.round(minutes / 60)} h` : `${minutes} min`
}
