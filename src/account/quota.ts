import type { QuotaWindow } from '../contract/index.js'
import { defined, formatMoment, startElapsed } from '../lib/index.js'
import { createExhaustionMarks, type Exhaustion, type Verdict } from './quota-exhaustion.js'
import { estimatePace, type WindowPace } from './estimate-pace.js'
import type { Persisted } from './persisted.js'
import { createProbeClaims } from './probe-claims.js'
import { createQuotaWriter } from './quota-writer.js'
import { createReloader } from './reloader.js'
import {
  applyReading, createQuotaState, encodeQuotaState, mergeStoredState, pruneQuotaState, windowKey, type QuotaState, type WindowSource,
} from './quota-state.js'
import { encodeSamples } from './window-samples.js'
import { GENERAL_LIMIT_ID, type RateLimitReading } from './rate-limit-reading.js'
import { readRateLimitEvent } from './read-rate-limit-event.js'
import { readRateLimitHeaders } from './read-rate-limit-headers.js'

export interface QuotaOptions {
  /** ms since 1970 */
  now?: () => number
  /** Keeps the state over restarts and shares it with other processes of this home. */
  persisted?: Persisted
  /** decides which process asks an exhausted model whether it serves again; default: each asks for itself */
  probes?: Persisted
  /** how long figures are gathered before they are kept; default 2,000. Exhaustion is kept at once. */
  saveDelayMs?: number
}

/** What is known of the account's quota. Everything is synchronous; keeping it happens behind. */
export interface Quota {
  /** Rate-limit headers of an answer or a refusal; with `model` it is learned which limit that draws on. */
  observeHeaders(headers: Readonly<Record<string, string>>, model?: string): void
  /** A `codex.rate_limits` event. */
  observeEvent(payload: unknown, model?: string): void
  /** The usage endpoint's answer. */
  observeUsage(payload: unknown): void
  /** since its last answer; Infinity before the first */
  usageAgeMs(): number
  /**
   * A refusal for a used-up quota. The model is exhausted until the reset; where none was named, until the
   * end of the windows at 100 %, else for 5 minutes, doubling with every refused probe up to an hour. The
   * other models of the refusal's limit are exhausted with it only where the limit's own windows stand at
   * 100 % and it is known by their answers that they draw on it: to ask one in vain costs a call, to
   * skip one that serves stops an agent. Observe a refusal's headers first.
   */
  observeExhausted(exhaustion: Exhaustion): void
  /**
   * The model served a call. That clears what was marked before the call began; without `startedAtMs`
   * only what is due for a probe or five minutes old, since calls end long after others were refused.
   */
  observeServed(model: string, options?: { startedAtMs?: number }): void
  /**
   * Whether the model may be asked. After the reset one caller is told to probe and the others go on
   * skipping until it reports (observeServed, observeExhausted, releaseProbe), for two minutes at most.
   */
  verdict(model: string): Verdict
  /** The same without taking the probe, for showing. */
  inspect(model: string): Verdict
  /** The probe ended without an answer to its question (network, abort): the next caller may probe. */
  releaseProbe(model: string): void
  /** Before the probe that {@link verdict} granted: whether it is this process's, of all that share the account. */
  claimProbe(model: string): Promise<boolean>
  /** Every window known and not past its reset, the general limit first, then by length. */
  windows(): QuotaWindow[]
  /** The same, each with its pace where there are samples enough. @param options `samples`: with what it is estimated from, for a plot */
  outlook(options?: { samples?: boolean }): WindowOutlook[]
  /** Calls `listener` whenever a window's figure has changed. @returns the end of it */
  watch(listener: () => void): () => void
  readonly planType: string | undefined
  /** Settles when what was kept has been read. */
  ready(): Promise<void>
  /** Keeps what is still to be kept, and leaves no timer behind. */
  flush(): Promise<void>
}

export interface WindowOutlook extends QuotaWindow {
  pace?: WindowPace
  /** where asked for: `[ms since 1970, percent]` each, oldest first, at most 240 */
  samples?: number[][]
}

function toQuotaWindows(state: QuotaState, nowMs: number): QuotaWindow[] {
  const rank = (limitId: string) => (limitId === GENERAL_LIMIT_ID ? '' : limitId)
  return [...state.windows.values()]
    .filter((window) => window.resetsAtMs === undefined || window.resetsAtMs > nowMs)
    .sort((left, right) => (rank(left.limitId) < rank(right.limitId) ? -1 : rank(left.limitId) > rank(right.limitId) ? 1 : left.windowMinutes - right.windowMinutes))
    .map((window) => {
      const resetsAt = formatMoment(window.resetsAtMs)
      return {
        limit_id: window.limitId,
        window_minutes: window.windowMinutes,
        used_percent: window.usedPercent,
        ...defined({ resets_at: resetsAt }),
        source: window.source,
        observed_at: new Date(window.observedAtMs).toISOString(),
        age_seconds: Math.max(0, Math.round((nowMs - window.observedAtMs) / 1000)),
      }
    })
}

function toOutlook(state: QuotaState, nowMs: number, withSamples: boolean): WindowOutlook[] {
  return toQuotaWindows(state, nowMs).map((window) => {
    const { limit_id: limitId, window_minutes: windowMinutes } = window
    const key = windowKey(limitId, windowMinutes)
    const samples = state.samples.get(key) ?? []
    const pace = estimatePace({ samples, windowMinutes, resetsAtMs: state.windows.get(key)?.resetsAtMs, nowMs })
    return { ...window, ...defined({ pace, samples: withSamples ? encodeSamples(samples) : undefined }) }
  })
}

/** A probe that says nothing for so long is another's again. */
const PROBE_MS = 120_000

/** The quota state of one account. */
export function createQuota({ now = Date.now, persisted, probes, saveDelayMs = 2000 }: QuotaOptions = {}): Quota {
  const state = createQuotaState()
  const marks = createExhaustionMarks(state, now)
  const writer = createQuotaWriter(persisted, (stored) => {
    mergeStoredState(state, stored, now())
    pruneQuotaState(state, now())
    return encodeQuotaState(state)
  }, { delayMs: saveDelayMs, now })
  const kept = createReloader(persisted, (stored) => mergeStoredState(state, stored, now()), now)
  const claims = createProbeClaims(probes, PROBE_MS, now)
  let planType: string | undefined
  const listeners = new Set<() => void>()
  let usageAge = () => Number.POSITIVE_INFINITY

  const take = (reading: RateLimitReading, source: WindowSource, model?: string) => {
    const nowMs = now()
    planType = reading.planType ?? planType
    const changed = applyReading(state, reading.limits, source, nowMs)
    if (model !== undefined && reading.activeLimitId !== undefined) {
      state.limitOf.set(model, { limitId: reading.activeLimitId, observedAtMs: nowMs })
    }
    if (!changed) return writer.requestSeldom()
    writer.request()
    for (const listener of listeners) listener()
  }
  return {
    observeHeaders: (headers, model) => take(readRateLimitHeaders(headers, now()), 'headers', model),
    observeEvent: (payload, model) => take(readRateLimitEvent(payload, now()), 'event', model),
    observeUsage(payload) {
      usageAge = startElapsed(now)
      take(readRateLimitEvent(payload, now()), 'usage')
    },
    usageAgeMs: () => usageAge(),
    observeExhausted(exhaustion) {
      planType = exhaustion.planType ?? planType
      marks.exhaust(exhaustion)
      writer.request({ urgent: true })
    },
    observeServed(model, { startedAtMs } = {}) {
      if (marks.serve(model, startedAtMs)) writer.request({ urgent: true })
    },
    verdict(model) {
      kept.reloadBehind()
      return marks.judge(model, { take: true })
    },
    inspect: (model) => marks.judge(model, { take: false }), releaseProbe: (model) => [marks, claims].forEach((held) => held.release(model)), claimProbe: claims.claim,
    windows: () => toQuotaWindows(state, now()),
    outlook: ({ samples = false } = {}) => toOutlook(state, now(), samples),
    watch(listener) {
      const own = () => listener()
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    get planType() { return planType },
    ready: kept.loaded,
    flush: async () => {
      await kept.loaded()
      await Promise.all([writer.flush(), claims.settled()])
    },
  }
}
