import type { CallObserver, CallPhase, LLMError, ObservedCall } from '../contract/index.js'
import { keepNewest } from '../lib/index.js'
import { buildCallRecord, agentOf, sessionOf, type UsageRecord } from './call-record.js'

/** One step of a call: when it began, ms after the call's own beginning. */
export interface LivePhase {
  phase: CallPhase
  at_ms: number
}

/** A call that runs, or one of the last that ran. */
export interface LiveCall {
  id: string
  /** ISO 8601 */
  started_at: string
  session: string
  agent: string
  role: string
  requested_model: string
  model: string
  transport: string
  /** from 1 */
  attempt: number
  phases: LivePhase[]
  /** of an ended one */
  ended?: { status: 'ok' | 'error'; duration_ms: number; input_tokens: number; cached_tokens: number; output_tokens: number }
}

/** A failure with its words, which say what to do. */
export interface LiveError {
  /** ISO 8601 */
  at: string
  type: string
  message: string
  model: string
  role: string
}

/** What one name (a role, an agent) has used since the board was opened. */
export interface LiveTotals {
  name: string
  calls: number
  errors: number
  input_tokens: number
  cached_tokens: number
  output_tokens: number
}

export interface LiveSnapshot {
  /** ISO 8601: what the totals count from */
  since: string
  running: LiveCall[]
  /** the last that ended, the newest first */
  recent: LiveCall[]
  /** the newest first */
  errors: LiveError[]
  totals: LiveTotals
  by_role: LiveTotals[]
  by_agent: LiveTotals[]
}

/** What runs now and has run lately, in memory; it keeps no prompt and no answer, and stays as small after a day as after an hour. */
export interface LiveBoard extends CallObserver {
  snapshot(): LiveSnapshot
  /** Calls `listener` whenever something has changed. @returns the end of it */
  watch(listener: () => void): () => void
  /** Since the board was opened, for programs that scrape. */
  counts(): readonly LiveCount[]
  /** calls that run now */
  readonly running: number
}

/** Calls of one role, model and outcome. */
export interface LiveCount extends Omit<LiveTotals, 'name'> {
  role: string
  model: string
  duration_seconds: number
  first_delta_seconds: number
  first_deltas: number
  retries: number
  degraded: number
}

const MOST_RECENT = 40
const MOST_ERRORS = 20
const MOST_NAMES = 100
const MOST_PHASES = 40

const emptyTotals = (name: string): LiveTotals => ({ name, calls: 0, errors: 0, input_tokens: 0, cached_tokens: 0, output_tokens: 0 })

function add(totals: Omit<LiveTotals, 'name'>, record: UsageRecord): void {
  totals.calls++
  totals.errors += record.status === 'error' ? 1 : 0
  totals.input_tokens += record.fresh_tokens + record.cached_tokens
  totals.cached_tokens += record.cached_tokens
  totals.output_tokens += record.output_tokens
}

function addByName(map: Map<string, LiveTotals>, name: string, record: UsageRecord): void {
  const totals = map.get(name) ?? emptyTotals(name)
  add(totals, record)
  keepNewest(map, name, totals, MOST_NAMES)
}

function addCount(map: Map<string, LiveCount>, record: UsageRecord): void {
  const { role, model } = record
  const key = `${role}\n${model}`
  const count = map.get(key) ?? {
    role, model, calls: 0, errors: 0, input_tokens: 0, cached_tokens: 0, output_tokens: 0, duration_seconds: 0, first_delta_seconds: 0, first_deltas: 0, retries: 0, degraded: 0,
  }
  add(count, record)
  count.duration_seconds += record.duration_ms / 1000
  count.first_delta_seconds += (record.first_delta_ms ?? 0) / 1000
  count.first_deltas += record.first_delta_ms === null ? 0 : 1
  count.retries += record.retries
  count.degraded += record.degraded
  keepNewest(map, key, count, MOST_NAMES)
}

/** @param now ms since 1970 */
export function createLiveBoard({ now = Date.now }: { now?: () => number } = {}): LiveBoard {
  const since = new Date(now()).toISOString()
  const running = new Map<string, { call: ObservedCall; shown: LiveCall; startedAtMs: number }>()
  const recent: LiveCall[] = []
  let errors: LiveError[] = []
  const totals = emptyTotals('')
  const [byRole, byAgent, counts] = [new Map<string, LiveTotals>(), new Map<string, LiveTotals>(), new Map<string, LiveCount>()]
  const listeners = new Set<() => void>()
  const tell = (): void => listeners.forEach((listener) => listener())

  const end = (call: ObservedCall, shown: LiveCall, record: UsageRecord, error: LLMError | undefined): void => {
    running.delete(call.id)
    const { status, duration_ms, fresh_tokens, cached_tokens, output_tokens } = record
    const ended = { status, duration_ms, input_tokens: fresh_tokens + cached_tokens, cached_tokens, output_tokens }
    recent.push(refresh(call, shown, ended))
    // Cut seldom: moving the others for each call was half of what the board cost it.
    if (recent.length >= 2 * MOST_RECENT) recent.splice(0, recent.length - MOST_RECENT)
    if (error) errors = [{ at: new Date(record.at_ms).toISOString(), type: error.name, message: error.message, model: record.model, role: record.role }, ...errors].slice(0, MOST_ERRORS)
    add(totals, record)
    addByName(byRole, record.role, record)
    addByName(byAgent, record.agent, record)
    addCount(counts, record)
    tell()
  }
  return {
    begin(call) {
      const startedAtMs = now()
      const shown = describe(call, startedAtMs)
      let firstDeltaAtMs: number | undefined
      running.set(call.id, { call, shown, startedAtMs })
      return {
        phase(phase) {
          if (phase === 'queued') shown.attempt++
          if (phase === 'streaming') firstDeltaAtMs ??= now()
          if (shown.phases.length < MOST_PHASES) shown.phases.push({ phase, at_ms: now() - startedAtMs })
          tell()
        },
        chunk: () => undefined,
        attemptEnded: () => undefined,
        ended: (outcome) => end(call, shown, buildCallRecord(call, { startedAtMs, endedAtMs: now(), firstDeltaAtMs }, outcome), outcome.error),
      }
    },
    snapshot: () => ({
      since,
      running: [...running.values()].map(({ call, shown }) => refresh(call, shown)),
      recent: recent.slice(-MOST_RECENT).reverse(), errors, totals: { ...totals }, by_role: [...byRole.values()], by_agent: [...byAgent.values()],
    }),
    watch(listener) {
      const own = () => listener()
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    counts: () => [...counts.values()],
    get running() { return running.size },
  }
}

function describe(call: ObservedCall, startedAtMs: number): LiveCall {
  const { route } = call
  return {
    id: call.id, started_at: new Date(startedAtMs).toISOString(), session: sessionOf(call), agent: agentOf(call), role: route.role ?? '',
    requested_model: route.requested_model, model: '', transport: '', attempt: 0, phases: [],
  }
}

/** What the call has learned since. Written out: fields added behind a spread take a microsecond each. */
function refresh({ route }: ObservedCall, { id, started_at, session, agent, requested_model, attempt, phases }: LiveCall, ended?: LiveCall['ended']): LiveCall {
  return {
    id, started_at, session, agent, role: route.role ?? '', requested_model, model: route.served_model === 'unknown' ? route.resolved_model : route.served_model,
    transport: route.transport ?? '', attempt, phases: [...phases], ...(ended && { ended }),
  }
}
