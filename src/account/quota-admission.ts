import type { AdmissionWindow, QuotaWindow } from '../contract/index.js'
import { defined, formatMoment } from '../lib/index.js'
import { createDrawHistory, type DrawHistory } from './draw-history.js'
import { createDrawScale, windowKey, type DrawScale } from './draw-scale.js'
import { GENERAL_LIMIT_ID } from './rate-limit-reading.js'
import type { Quota } from './quota.js'

/** What a call may do in view of how long the windows last at this pace. */
export interface AdmissionVerdict {
  action: 'as_asked' | 'step_down' | 'wait'
  /** the window that says so; absent with `as_asked` */
  window?: AdmissionWindow
}

/** One call that draws on the windows. */
export interface AdmittedCall {
  essential: boolean
  /** served by a cheaper tier than was asked for */
  steppedDown: boolean
}

export interface QuotaAdmission {
  /** Judges a call that would begin now; essential ones go as they are asked. */
  judge(call: Pick<AdmittedCall, 'essential'>): AdmissionVerdict
  /**
   * A call begins. The answer is told, once, what it would have drawn as it was asked for ({@link drawWeight}); nothing
   * where it drew nothing.
   */
  begin(call: AdmittedCall): (weight?: number) => void
}

const HOUR_MS = 3_600_000
/** Others' demand is what they asked for in so much of the window: an hour of five. */
const DEMAND_SPAN = 0.2
/** Near the reset what was asked lately says more: in a quarter of an hour of five. */
const LATEST_SPAN = 0.05
/** Before so much of the window was watched, nothing is forecast: ten minutes of five hours. */
const LEAST_WATCHED = 1 / 30
/**
 * Demand beyond what is left by so much makes calls step down; at less than BACK they go as asked again. Above 1, since a percent that is spared
 * too much is lost at the reset, while one too little is made good by the next step down (test/soak/admission.mjs).
 */
const OVER = 3
const BACK = 2.4
/** Kept for essential calls that nothing is known of yet: percent of a whole window. */
const UNSEEN_RESERVE = 6
/** A sum of that many calls stays below so many deviations in 199 of 200 cases. */
const DEVIATIONS = 2.6
/** A window is told in whole percents at worst, always rounded off. */
const ROUNDED_OFF = 1

/**
 * Keeps what essential calls will need of a window until its reset: the others step down a tier while the window would not last at
 * the pace they ask for, and wait once only the reserve is left. Knows the calls of this process; a window's figure tells of all.
 * @param now ms since 1970
 */
export function createQuotaAdmission({ quota, now = Date.now }: { quota: Pick<Quota, 'windows' | 'watch'>; now?: () => number }): QuotaAdmission {
  const history = createDrawHistory(now)
  const scale = createDrawScale(quota)
  const stepping = new Set<string>()
  const running = { essential: 0, others: 0 }

  const judgeWindow = (window: QuotaWindow): AdmissionVerdict => {
    const resetsAtMs = Date.parse(window.resets_at ?? '')
    const leftMs = resetsAtMs - now()
    if (!(leftMs > 0)) return AS_ASKED
    const { budget, reserve, oneCall, demandPerHour } = lookAt({ history, scale, running, now }, window, resetsAtMs)
    const key = windowKey(window)
    const asked = demandPerHour === undefined ? 0 : (demandPerHour * leftMs) / HOUR_MS
    if (asked > budget * OVER) stepping.add(key)
    else if (asked <= budget * BACK) stepping.delete(key)
    const action = budget < oneCall || budget <= 0 ? 'wait' : stepping.has(key) ? 'step_down' : 'as_asked'
    if (action === 'as_asked') return AS_ASKED
    const runsOutAt = demandPerHour ? formatMoment(now() + (Math.max(0, budget) / demandPerHour) * HOUR_MS) : undefined
    return {
      action,
      window: {
        limit_id: window.limit_id, window_minutes: window.window_minutes, used_percent: window.used_percent, reserve_percent: Math.round(reserve * 10) / 10,
        ...defined({ runs_out_at: runsOutAt }), resets_at: new Date(resetsAtMs).toISOString(),
      },
    }
  }

  return {
    judge({ essential }) {
      scale.observe()
      if (essential) return AS_ASKED
      const verdicts = quota.windows().filter(({ limit_id }) => limit_id === GENERAL_LIMIT_ID).map(judgeWindow)
      return verdicts.find(({ action }) => action === 'wait') ?? verdicts.find(({ action }) => action === 'step_down') ?? AS_ASKED
    },
    begin({ essential, steppedDown }) {
      const kind = essential ? 'essential' : 'others'
      running[kind] += 1
      let ended = false
      return (weight = 0) => {
        if (ended) return
        ended = true
        running[kind] -= 1
        if (weight <= 0) return
        history.add({ weight, essential })
        scale.add(weight, { steppedDown })
      }
    },
  }
}

const AS_ASKED: AdmissionVerdict = Object.freeze({ action: 'as_asked' })

interface Watched {
  history: DrawHistory
  scale: DrawScale
  running: Readonly<Record<'essential' | 'others', number>>
  now: () => number
}

/** All in percent of the window. */
interface Outlook {
  /** what calls without a reserve may draw until the reset */
  budget: number
  reserve: number
  oneCall: number
  demandPerHour: number | undefined
}

/** What the window holds, and what is asked of it until its reset, in percent of it. */
function lookAt({ history, scale, running, now }: Watched, window: QuotaWindow, resetsAtMs: number): Outlook {
  const key = windowKey(window)
  const percentOf = scale.percentPerWeight(key)
  const leftHours = (resetsAtMs - now()) / HOUR_MS
  const windowMs = window.window_minutes * 60_000
  const unseen = (UNSEEN_RESERVE * leftHours * HOUR_MS) / windowMs + ROUNDED_OFF
  if (percentOf === undefined) return { budget: 100 - window.used_percent - unseen, reserve: unseen, oneCall: 0, demandPerHour: undefined }
  const long = history.sum(windowMs)
  const watchedMs = now() - history.sinceMs(windowMs)
  const watchedHours = Math.max(watchedMs, windowMs * LEAST_WATCHED) / HOUR_MS
  const expected = (long.essential / watchedHours) * leftHours
  const spread = DEVIATIONS * Math.sqrt((long.essentialSquares / watchedHours) * leftHours)
  const reserve = Math.max(unseen, percentOf * (expected + spread + long.largestEssential) + ROUNDED_OFF)
  const recent = history.sum(windowMs * DEMAND_SPAN)
  const recentMs = now() - history.sinceMs(windowMs * DEMAND_SPAN)
  const oneCall = recent.otherCalls === 0 ? 0 : (percentOf * recent.others) / recent.otherCalls
  const latestMs = Math.max(windowMs * LATEST_SPAN, Math.min(recentMs, leftHours * HOUR_MS))
  const demand = Math.min(recent.others / recentMs, history.sum(latestMs).others / latestMs, long.others / watchedMs) * HOUR_MS
  // Figures come with the beginning of an answer: what has ended since, and what still runs, is not in them.
  const untold = Math.min(ROUNDED_OFF, percentOf * scale.untold(key)) + oneCall * running.others + percentOf * long.largestEssential * Math.min(1, running.essential)
  return {
    budget: 100 - window.used_percent - untold - reserve, reserve, oneCall,
    demandPerHour: recentMs < windowMs * LEAST_WATCHED ? undefined : percentOf * demand,
  }
}
