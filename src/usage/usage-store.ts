import { defined, openDatabase, type Database } from '../lib/index.js'
import type { UsageRecord, UsageSums } from './call-record.js'

export const USAGE_GROUPS = ['session', 'agent', 'role', 'model', 'day', 'lane', 'key'] as const
export type UsageGroup = (typeof USAGE_GROUPS)[number]

export interface UsageQuery {
  /** absent: one row of everything */
  by?: UsageGroup
  /** ms since 1970 */
  sinceMs?: number
}

/** What the calls of one group came to. */
export interface UsageTotals extends UsageSums {
  /** of the group: its role, agent, …; empty where the calls said none */
  name: string
  calls: number
  errors: number
  cache_breaks: number
  /** what broke the cache most often; absent where nothing did */
  cache_break?: string
  /** mean over the calls with output; absent where none had any */
  first_delta_ms?: number
  /** decimal; absent where no call had a price */
  cost_usd?: string
  /** of the tokens that the selection draws on a plan, percent, by {@link WEIGHTS} */
  share_percent: number
}

export interface UsageStore {
  /** All there or not at all; a record that is there already is not counted again. @throws where the disk or the file fails */
  add(records: readonly UsageRecord[]): void
  totals(query?: UsageQuery): UsageTotals[]
  /** Adds up what is older than {@link KEEP_CALLS_DAYS} by day, and forgets days after {@link KEEP_DAYS}. */
  rotate(nowMs: number): void
  close(): void
}

const DAY_MS = 86_400_000
const KEEP_CALLS_DAYS = 35
const KEEP_DAYS = 400
/** A store that is asked for by 12 agents for a month stays under this. */
const MOST_CALLS = 500_000
/** How long another process may keep ours waiting: the calls of this one stand still for so long. */
const BUSY_MS = 250
/** What a plan's window is drawn on by, as far as is known: cached input counts a tenth, output eight times. */
const WEIGHTS = 'fresh_tokens + 0.1 * cached_tokens + 8 * output_tokens'
const NAMES = ['session', 'agent', 'role', 'model', 'lane', 'key'] as const
const SUMS = ['fresh_tokens', 'cached_tokens', 'cache_written_tokens', 'reasoning_tokens', 'output_tokens', 'retries', 'degraded'] as const satisfies readonly (keyof UsageSums)[]

// Days add up what calls were: the same columns, with counts for what was one call's own. A call's session is not kept so long.
const SCHEMA = `
PRAGMA busy_timeout = ${BUSY_MS};
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS calls (
  id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, day TEXT NOT NULL, session TEXT NOT NULL, agent TEXT NOT NULL, role TEXT NOT NULL, model TEXT NOT NULL, lane TEXT NOT NULL,
  calls INTEGER NOT NULL, errors INTEGER NOT NULL, error_type TEXT NOT NULL, duration_ms INTEGER NOT NULL, first_deltas INTEGER NOT NULL, first_delta_ms INTEGER NOT NULL,
  ${SUMS.map((name) => `${name} INTEGER NOT NULL`).join(', ')}, cache_breaks INTEGER NOT NULL, cache_break TEXT NOT NULL, cost REAL, key TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS calls_at ON calls (at_ms);
`
const COLUMNS = ['id', 'at_ms', 'day', ...NAMES, 'calls', 'errors', 'error_type', 'duration_ms', 'first_deltas', 'first_delta_ms', ...SUMS, 'cache_breaks', 'cache_break', 'cost'] as const

/** Opens the store, made where there is none; the file is shared with other processes of this home. @throws DatabaseError */
export async function openUsageStore(path: string): Promise<UsageStore> {
  const database = await openDatabase(path)
  try {
    database.exec(SCHEMA)
    addKeyColumn(database)
    return wrap(database)
  } catch (error) {
    database.close()
    throw error
  }
}

/** Files of before the column. An older version goes on with one that has it. */
function addKeyColumn(database: Database): void {
  const lacksIt = (): boolean => !database.prepare('PRAGMA table_info(calls)').all().some(({ name }) => name === 'key')
  if (!lacksIt()) return
  // Another process may be adding it.
  database.transaction(() => { if (lacksIt()) database.exec("ALTER TABLE calls ADD COLUMN key TEXT NOT NULL DEFAULT ''") })
}

function wrap(database: Database): UsageStore {
  const insert = database.prepare(`INSERT OR IGNORE INTO calls (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`)
  return {
    add(records) {
      database.transaction(() => {
        for (const record of records) insert.run(...encodeRecord(record))
      })
    },
    totals: (query = {}) => readTotals(database, query),
    rotate: (nowMs) => rotate(database, nowMs),
    close: () => database.close(),
  }
}

/** The time before the call's own id: calls that end one after the other lie side by side. Under random ids each touched a page of its own, half of what a record cost. */
const keyOf = ({ at_ms: atMs, id }: UsageRecord): string => `${Math.round(atMs).toString(16).padStart(12, '0')} ${id}`

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

function encodeRecord(record: UsageRecord): (string | number | null)[] {
  const cost = record.cost_usd === '' ? null : Number(record.cost_usd)
  return [
    keyOf(record), record.at_ms, dayOf(record.at_ms), ...NAMES.map((name) => record[name]), 1, record.status === 'error' ? 1 : 0, record.error_type, Math.round(record.duration_ms),
    record.first_delta_ms === null ? 0 : 1, Math.round(record.first_delta_ms ?? 0), ...SUMS.map((name) => record[name]),
    record.cache_break === '' ? 0 : 1, record.cache_break, cost,
  ]
}

function readTotals(database: Database, { by, sinceMs = 0 }: UsageQuery): UsageTotals[] {
  const name = by ?? `''`
  const rows = database.prepare(`
    SELECT ${name} AS name, SUM(calls) AS calls, SUM(errors) AS errors, ${SUMS.map((column) => `SUM(${column}) AS ${column}`).join(', ')},
      SUM(cache_breaks) AS cache_breaks, SUM(first_deltas) AS first_deltas, SUM(first_delta_ms) AS first_delta_ms, SUM(cost) AS cost, SUM(${WEIGHTS}) AS weight
    FROM calls WHERE at_ms >= ? GROUP BY ${name} ORDER BY ${by === 'day' ? 'name' : 'weight DESC, name'}`).all(sinceMs)
  const breaks = database.prepare(`SELECT ${name} AS name, cache_break, SUM(cache_breaks) AS count FROM calls WHERE at_ms >= ? AND cache_breaks > 0 GROUP BY ${name}, cache_break ORDER BY count`).all(sinceMs)
  const commonest = new Map(breaks.map((row) => [String(row['name']), String(row['cache_break'])]))
  const whole = rows.reduce((sum, row) => sum + Number(row['weight']), 0)
  return rows.map((row) => {
    const number = (column: string): number => Number(row[column])
    const cacheBreak = commonest.get(String(row['name']))
    return {
      name: String(row['name']), calls: number('calls'), errors: number('errors'),
      ...(Object.fromEntries(SUMS.map((column) => [column, number(column)])) as Record<(typeof SUMS)[number], number>),
      cache_breaks: number('cache_breaks'), ...defined({ cache_break: cacheBreak }),
      ...(number('first_deltas') > 0 ? { first_delta_ms: Math.round(number('first_delta_ms') / number('first_deltas')) } : {}),
      ...(row['cost'] === null ? {} : { cost_usd: number('cost').toFixed(6) }),
      share_percent: whole === 0 ? 0 : Math.round((1000 * number('weight')) / whole) / 10,
    }
  })
}

function rotate(database: Database, nowMs: number): void {
  const dayStart = Math.floor(nowMs / DAY_MS) * DAY_MS
  const [{ count = 0 } = {}] = database.prepare('SELECT COUNT(*) AS count FROM calls').all()
  // Where there are too many, only today's calls stay single.
  const before = dayStart - (Number(count) > MOST_CALLS ? 0 : KEEP_CALLS_DAYS * DAY_MS)
  database.transaction(() => {
    database.prepare('DELETE FROM calls WHERE at_ms < ?').run(dayStart - KEEP_DAYS * DAY_MS)
    database.prepare(`
      INSERT INTO calls (${COLUMNS.join(', ')})
      SELECT 'day ' || MIN(id), MIN(at_ms), day, '', agent, role, model, lane, key, SUM(calls), SUM(errors), '', SUM(duration_ms), SUM(first_deltas), SUM(first_delta_ms),
        ${SUMS.map((column) => `SUM(${column})`).join(', ')}, SUM(cache_breaks), cache_break, SUM(cost)
      FROM calls WHERE at_ms < ?1 AND id NOT LIKE 'day %' GROUP BY day, agent, role, model, lane, key, cache_break`).run(before)
    database.prepare("DELETE FROM calls WHERE at_ms < ?1 AND id NOT LIKE 'day %'").run(before)
  })
}
