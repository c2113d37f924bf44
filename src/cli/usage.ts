import { access } from 'node:fs/promises'
import { usagePathOf } from '../account-storage.js'
import type { WindowOutlook } from '../account/index.js'
import { suggestName, type ProviderOptions } from '../config/index.js'
import { ConfigurationError } from '../contract/index.js'
import { decodeMoment, defined } from '../lib/index.js'
import { openUsageStore, USAGE_GROUPS, type UsageGroup, type UsageStore, type UsageTotals } from '../usage/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { withAccount } from './login.js'
import { createPrint, type Print } from './print.js'
import { readConfig } from './read-config.js'
import { describeWindow } from './status.js'

const BAR_WIDTH = 12
/** A terminal of fewer columns gets fewer of the table's. */
const WIDE = 120
const HOUR_MS = 3_600_000
const SPANS: Readonly<Record<string, number>> = { m: 60_000, h: HOUR_MS, d: 24 * HOUR_MS, w: 7 * 24 * HOUR_MS }

/** A row with how fast its calls fill the shortest window now, percent of it an hour. */
type Row = UsageTotals & { pace_percent_per_hour?: number }

/** What the calls of this machine came to. Asks nobody. */
export async function usage(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const by = readGroup(flags.by)
  const sinceMs = readSince(flags.since, Date.now())
  const { options } = await readConfig(context, flags)
  const windows = await readWindows(options, context)
  const path = usagePathOf(options)
  const store = await access(path).then(() => openUsageStore(path), () => undefined)
  try {
    const rows = store ? addPace(store, store.totals({ by, ...defined({ sinceMs }) }), { by, windows, nowMs: Date.now() }) : []
    if (flags.csv === true) for (const line of formatCsv(by, rows)) context.terminal.stdout.write(`${line}\r\n`)
    else {
      for (const window of windows) print.line(describeWindow(print, window))
      if (windows.length > 0) print.line()
      if (rows.length === 0) print.line('No call has been recorded yet: run and serve record them, and mounts with usage_totals: true.')
      else tabulate(print, rows, by, context.terminal.stdout.columns ?? Infinity)
      print.value({ by, ...(sinceMs === undefined ? {} : { since: new Date(sinceMs).toISOString() }), windows, rows })
    }
    return EXIT.ok
  } finally {
    store?.close()
  }
}

function readGroup(word: unknown): UsageGroup {
  const found = USAGE_GROUPS.find((group) => group === (word ?? 'model'))
  if (found) return found
  const meant = suggestName(String(word), USAGE_GROUPS)
  throw new ConfigurationError(`--by takes one of ${USAGE_GROUPS.join(', ')}, found ${JSON.stringify(word)}${meant === undefined ? '' : `. Did you mean ${meant}?`}`, { code: 'usage' })
}

/** `24h`, `7d` and the like back from now, or a date; a date without a zone is UTC. */
function readSince(word: unknown, nowMs: number): number | undefined {
  if (word === undefined) return undefined
  const text = String(word)
  const [, count, unit = ''] = /^(\d{1,5})([mhdw])$/.exec(text) ?? []
  const found = count === undefined ? decodeMoment(/^\d+$/.test(text) ? undefined : text) : nowMs - Number(count) * (SPANS[unit] ?? 0)
  if (found === undefined) throw new ConfigurationError(`--since takes a span such as 24h or 7d, or a date such as 2026-11-01, found ${JSON.stringify(text)}`, { code: 'usage' })
  return found
}

function readWindows(options: ProviderOptions, context: CommandContext): Promise<WindowOutlook[]> {
  return withAccount(options, context, async (account) => {
    const credential = await account.credentials.peek().catch(() => undefined)
    if (!credential) return []
    account.useAccount(credential.accountKey)
    await account.quota.ready()
    return account.quota.outlook()
  })
}

/** The account's pace, shared out by what each group drew in the last hour. */
function addPace(store: UsageStore, rows: readonly UsageTotals[], { by, windows, nowMs }: { by: UsageGroup; windows: readonly WindowOutlook[]; nowMs: number }): Row[] {
  const pace = windows[0]?.pace?.percent_per_hour
  if (pace === undefined || by === 'day') return [...rows]
  const recent = new Map(store.totals({ by, sinceMs: nowMs - HOUR_MS }).map(({ name, share_percent }) => [name, share_percent]))
  return rows.map((row) => ({ ...row, pace_percent_per_hour: Math.round(pace * (recent.get(row.name) ?? 0)) / 100 }))
}

function tabulate(print: Print, rows: readonly Row[], by: UsageGroup, width: number): void {
  const most = Math.max(...rows.map(({ share_percent }) => share_percent), 1)
  const bar = (share: number) => print.paint.green('█'.repeat(Math.round((BAR_WIDTH * share) / most)))
  const columns: readonly { title: string; wide?: true; skip?: boolean; cell: (row: Row) => string }[] = [
    { title: 'calls', cell: ({ calls }) => short(calls) },
    { title: 'fresh', cell: (row) => short(row.fresh_tokens) },
    { title: 'cached', cell: (row) => short(row.cached_tokens) },
    { title: 'written', wide: true, cell: (row) => short(row.cache_written_tokens) },
    { title: 'reasoning', wide: true, cell: (row) => short(row.reasoning_tokens) },
    { title: 'out', cell: (row) => short(row.output_tokens) },
    { title: 'share', cell: (row) => `${row.share_percent.toFixed(1)} %` },
    { title: '%/h', skip: rows.every((row) => row.pace_percent_per_hour === undefined), cell: (row) => row.pace_percent_per_hour?.toFixed(1) ?? '' },
    { title: 'errors', cell: (row) => short(row.errors) },
    { title: 'retries', wide: true, cell: (row) => short(row.retries) },
    { title: 'degraded', wide: true, cell: (row) => short(row.degraded) },
    { title: 'first delta', wide: true, cell: (row) => (row.first_delta_ms === undefined ? '' : `${(row.first_delta_ms / 1000).toFixed(1)} s`) },
    { title: 'cache breaks', wide: true, cell: (row) => (row.cache_breaks === 0 ? '0' : `${short(row.cache_breaks)} ${row.cache_break ?? ''}`) },
    { title: 'cost', skip: rows.every((row) => row.cost_usd === undefined), cell: (row) => (row.cost_usd === undefined ? '' : `$${Number(row.cost_usd).toFixed(4)}`) },
  ]
  const shown = columns.filter(({ wide, skip }) => skip !== true && (wide !== true || width >= WIDE))
  print.table(
    [{ title: by === 'day' ? 'day (UTC)' : by }, ...shown.map(({ title }) => ({ title, align: 'right' as const })), { title: '' }],
    rows.map((row) => [row.name === '' ? '(none)' : row.name, ...shown.map(({ cell }) => cell(row)), bar(row.share_percent)]))
}

function short(value: number): string {
  if (value < 10_000) return String(value)
  return value < 1e6 ? `${(value / 1000).toFixed(value < 1e5 ? 1 : 0)}k` : `${(value / 1e6).toFixed(value < 1e8 ? 1 : 0)}M`
}

const CSV_COLUMNS = [
  'calls', 'errors', 'fresh_tokens', 'cached_tokens', 'cache_written_tokens', 'reasoning_tokens', 'output_tokens', 'share_percent', 'pace_percent_per_hour', 'retries', 'degraded', 'first_delta_ms',
  'cache_breaks', 'cache_break', 'cost_usd',
] as const satisfies readonly (keyof Row)[]

/** RFC 4180. A name that a spreadsheet would take for a formula gets a quote in front. */
function formatCsv(by: UsageGroup, rows: readonly Row[]): string[] {
  const cell = (value: string | number | undefined): string => {
    const text = String(value ?? '').replaceAll(/[\u0000-\u001f\u007f]/g, ' ')
    const safe = typeof value === 'string' && /^[=+\-@]/.test(text) ? `'${text}` : text
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  return [[by, ...CSV_COLUMNS].join(','), ...rows.map((row) => [row.name, ...CSV_COLUMNS.map((column) => row[column])].map(cell).join(','))]
}
