import type { CallRecord, CallTokens, ReplayRecord } from './call-record.js'
import { describeMisses } from './diff-matrices.js'
import { learnPlanUse, planUseOf, type PlanRate, type PlanUse } from './learn-plan-use.js'
import { createTokenPrediction, sameServed, type Served } from './predict-tokens.js'
import { createReplayResolvers, type ReplayedMounts } from './replay-resolvers.js'

/** A rate that no recording shows: so many times another model's. */
export interface RateRule {
  model: string
  factor: number
  of: string
}

export interface ReplayOptions extends ReplayedMounts {
  records: readonly ReplayRecord[]
  rates?: readonly RateRule[]
  /** the effort of candidates that name none; absent: as the model's own default */
  effort?: string
}

/** Calls of one model at one effort. */
export interface ServedCalls extends Served {
  calls: number
}

/** What a side of the comparison comes to. */
export interface ReplaySide {
  served: ServedCalls[]
  tokens: CallTokens
  /** percent of each window, in the order of the report's `windows`; null where a model has no rate */
  percent: (number | null)[]
  /** how far off that may be, either way, in nine of ten cases: whole percents of a short recording tell little of seldom used models */
  percent_error: (number | null)[]
}

export interface RoleReplay {
  /** null for calls that named a model themselves: they go where they went */
  role: string | null
  calls: number
  /** calls that another model or effort would have served */
  moved: number
  recorded: ReplaySide
  predicted: ReplaySide
  /** calls that nothing would have served, and why */
  unresolved?: { calls: number; reason: string }
}

export interface ReplayReport {
  matrix: string
  calls: number
  /** calls that had failed: they are in no figure */
  failed: number
  /** ISO 8601 */
  from?: string
  to?: string
  windows: { limit_id: string; window_minutes: number; observed_percent: number; readings: number }[]
  roles: RoleReplay[]
  total: { recorded: ReplaySide; predicted: ReplaySide }
  /** models that would serve and that no rate is known of */
  unrated: string[]
  /** pairs of model and effort whose reasoning is taken as recorded, since nothing shows how long they think */
  unlearned: Served[]
}

interface Replayed {
  record: CallRecord & { tokens: CallTokens }
  to?: Served & { tokens: CallTokens }
  reason?: string
}

/** Which model and effort would have served each call of a recording, and at what cost. Asks nobody. */
export async function replayRecording(options: ReplayOptions): Promise<ReplayReport> {
  const calls = options.records.filter((record) => record.type === 'call')
  const uses = learnPlanUse(calls).map((use) => withRules(use, options.rates ?? []))
  const unlearned = new Map<string, Served>()
  const replayed = await replayCalls(options, calls, (served) => void unlearned.set(JSON.stringify(served), served))
  const times = calls.map(({ time }) => time).sort()
  const side = (entries: readonly Replayed[]) => ({ recorded: sumRecorded(entries, uses), predicted: sumPredicted(entries, uses) })
  const models = new Set(replayed.flatMap(({ to }) => (to === undefined ? [] : [to.model])))
  return {
    matrix: options.matrix.name,
    calls: replayed.length,
    failed: calls.length - replayed.length,
    ...(times.length === 0 ? {} : { from: times[0], to: times.at(-1) }),
    windows: uses.map(({ limit_id, window_minutes, observed_percent, readings }) => ({ limit_id, window_minutes, observed_percent, readings })),
    roles: groupByRole(replayed, Object.keys(options.matrix.roles)).map(([role, entries]): RoleReplay => ({
      role, calls: entries.length,
      moved: entries.filter(({ record, to }) => to !== undefined && !sameServed(record, to)).length,
      ...side(entries), ...describeUnresolved(entries),
    })),
    total: side(replayed),
    unrated: uses.length === 0 ? [] : [...models].filter((model) => uses.some(({ rates }) => !rates.has(model))),
    unlearned: [...unlearned.values()],
  }
}

async function replayCalls(options: ReplayOptions, calls: readonly CallRecord[], onUnlearned: (served: Served) => void): Promise<Replayed[]> {
  const resolvers = createReplayResolvers(options)
  const predict = createTokenPrediction(calls)
  const replayed: Replayed[] = []
  for (const record of options.records) {
    if (record.type === 'catalog') resolvers.learn(record)
    else if (record.status === 'ok' && record.tokens !== undefined) {
      const call = { ...record, tokens: record.tokens }
      const target = record.role === undefined ? { served: servedOf(record) } : await resolveCall(resolvers.resolverOf(record), record, options.effort)
      if (target.served === undefined) {
        replayed.push({ record: call, reason: target.reason })
        continue
      }
      const { tokens, learned } = predict(call.tokens, servedOf(record), target.served)
      if (!learned) onUnlearned(target.served)
      replayed.push({ record: call, to: { ...target.served, tokens } })
    }
  }
  return replayed
}

const servedOf = ({ model, effort }: Served): Served => (effort === undefined ? { model } : { model, effort })

type Target = { served: Served; reason?: undefined } | { served?: undefined; reason: string }

async function resolveCall(
  resolver: ReturnType<ReturnType<typeof createReplayResolvers>['resolverOf']>, { roles = [], role }: CallRecord, mountEffort: string | undefined,
): Promise<Target> {
  const asked = roles.length > 0 ? roles : [role ?? '']
  const [answer] = await resolver.resolve(asked).catch(() => [])
  if (answer !== undefined) {
    const effort = answer.config['reasoning_effort'] ?? mountEffort
    return { served: typeof effort === 'string' ? { model: answer.model, effort } : { model: answer.model } }
  }
  const { candidates, unknown_roles = [] } = await resolver.explain(asked)
  if (candidates.length === 0) {
    const words = unknown_roles.map((unknown) => `the matrix has no role ${unknown.role}${unknown.did_you_mean === undefined ? '' : ` (did you mean ${unknown.did_you_mean}?)`}`)
    return { reason: words.join(', ') || `role ${asked.join(', ')} has no candidates` }
  }
  return { reason: describeMisses(candidates) }
}

function withRules(use: PlanUse, rules: readonly RateRule[]): PlanUse {
  const rates = new Map(use.rates)
  const told = new Map<string, string>()
  for (const { model, factor, of } of rules) {
    const rate = rates.get(of)
    if (rate === undefined) continue
    rates.set(model, rate.map((each) => each * factor) as unknown as PlanRate)
    told.set(model, told.get(of) ?? of)
  }
  // What is told by another model's rate is as unsure as that.
  const errorOf = (drawn: ReadonlyMap<string, PlanRate>): number => {
    const merged = new Map<string, PlanRate>()
    for (const [model, parts] of drawn) addDrawn(merged, told.get(model) ?? model, parts)
    return use.errorOf(merged)
  }
  return { ...use, rates, errorOf }
}

/** Roles in the matrix's order, then those it does not have, then calls without one. */
function groupByRole(replayed: readonly Replayed[], order: readonly string[]): [string | null, Replayed[]][] {
  const groups = new Map<string | null, Replayed[]>()
  for (const entry of replayed) {
    const role = entry.record.role ?? null
    const group = groups.get(role)
    if (group) group.push(entry)
    else groups.set(role, [entry])
  }
  const rank = (role: string | null): number => (role === null ? Infinity : order.includes(role) ? order.indexOf(role) : order.length)
  return [...groups].sort(([a], [b]) => rank(a) - rank(b))
}

function describeUnresolved(entries: readonly Replayed[]): Pick<RoleReplay, 'unresolved'> {
  const lost = entries.filter(({ to }) => to === undefined)
  return lost.length === 0 ? {} : { unresolved: { calls: lost.length, reason: [...new Set(lost.map(({ reason }) => reason))].join('; ') } }
}

const sumRecorded = (entries: readonly Replayed[], uses: readonly PlanUse[]): ReplaySide =>
  sum(entries.map(({ record }) => ({ ...servedOf(record), tokens: record.tokens })), uses)

const sumPredicted = (entries: readonly Replayed[], uses: readonly PlanUse[]): ReplaySide =>
  sum(entries.flatMap(({ to }) => (to === undefined ? [] : [to])), uses)

function sum(calls: readonly (Served & { tokens: CallTokens })[], uses: readonly PlanUse[]): ReplaySide {
  const tokens: CallTokens = { input_tokens: 0, cached_tokens: 0, output_tokens: 0, reasoning_tokens: 0 }
  const served = new Map<string, ServedCalls>()
  const percent: (number | null)[] = uses.map(() => 0)
  const drawnOf = uses.map(() => new Map<string, PlanRate>())
  for (const call of calls) {
    for (const key of ['input_tokens', 'cached_tokens', 'output_tokens', 'reasoning_tokens'] as const) tokens[key] += call.tokens[key]
    const key = JSON.stringify(servedOf(call))
    const entry = served.get(key) ?? { ...servedOf(call), calls: 0 }
    entry.calls += 1
    served.set(key, entry)
    uses.forEach((use, place) => {
      const drawn = planUseOf(use, call.model, call.tokens)
      const before = percent[place] ?? null
      percent[place] = drawn === undefined || before === null ? null : before + drawn[0] + drawn[1] + drawn[2]
      if (drawn !== undefined) addDrawn(drawnOf[place] as Map<string, PlanRate>, call.model, drawn)
    })
  }
  const percent_error = percent.map((value, place) => (value === null ? null : (uses[place]?.errorOf(drawnOf[place] ?? new Map()) ?? null)))
  return { served: [...served.values()].sort((a, b) => b.calls - a.calls), tokens, percent, percent_error }
}

function addDrawn(drawn: Map<string, PlanRate>, model: string, parts: PlanRate): void {
  const before = drawn.get(model) ?? [0, 0, 0]
  drawn.set(model, [before[0] + parts[0], before[1] + parts[1], before[2] + parts[2]])
}
