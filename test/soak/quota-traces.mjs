/**
 * Eight hours of a plan's window as agents use it, from a seed: how full it is told to be, call by call. Agents come and go, think between
 * calls, and make calls of very different size; every trace has a reset of the window after three hours.
 */
import { createRandom } from './seeded.mjs'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const HOURS = 8
/** The window is reset once in a trace, and has five hours from there on. */
const RESET_AT = 3 * HOUR
const WINDOW_MINUTES = 300

/**
 * @param {number} seed
 * @param {number} startMs
 * @returns {{ tellings: { atMs: number, headers: Record<string, string> }[], fullAtMs: number, agents: number, decimals: number }}
 */
export function buildQuotaTrace(seed, startMs) {
  const { next: random } = createRandom(seed, 'quota trace')
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const agents = 6 + Math.floor(random() * 7)
  // The account tells whole percents or hundredths of them.
  const decimals = random() < 0.5 ? 0 : 2
  const spread = 0.5 + random() * 0.5
  // Tool loops: a turn every 20 to 45 seconds. Fewer calls leave more to chance: with three agents a minute apart no forecast can be within six minutes in nine of ten.
  const thinkMs = (3 + random() * 22) * 1000
  // Up to every second hour an agent is away for as long as a quarter of an hour.
  const awayChance = random() * 0.004
  const calls = []
  for (let agent = 0; agent < agents; agent++) {
    const size = Math.exp(0.4 * normal())
    for (let atMs = random() * thinkMs; atMs < HOURS * HOUR;) {
      calls.push({ atMs, cost: size * Math.exp(spread * normal()) })
      atMs += 4_000 + 20_000 * random() - thinkMs * Math.log(1 - random())
      if (random() < awayChance) atMs += 15 * MINUTE * random()
    }
  }
  calls.sort((left, right) => left.atMs - right.atMs)
  // Full three to five hours after the reset, so that an hour ahead lies in the same period.
  const fullAfter = RESET_AT + (2.5 + 2 * random()) * HOUR
  const drawnUntil = calls.filter(({ atMs }) => atMs >= RESET_AT && atMs <= fullAfter).reduce((sum, { cost }) => sum + cost, 0)
  return { ...tell(calls, { startMs, decimals, holds: drawnUntil }), agents, decimals }
}

function tell(calls, { startMs, decimals, holds }) {
  const tellings = []
  const unit = 10 ** decimals
  let used = 20
  let isReset = false
  let fullAtMs = Infinity
  for (const { atMs, cost } of calls) {
    if (!isReset && atMs >= RESET_AT) {
      isReset = true
      used = 0
    }
    used = Math.min(100, used + (100 * cost) / holds)
    const resetAtMs = startMs + (isReset ? RESET_AT + WINDOW_MINUTES * MINUTE : RESET_AT)
    tellings.push({
      atMs: startMs + atMs,
      headers: {
        'x-codex-primary-used-percent': String(Math.floor(used * unit) / unit), 'x-codex-primary-window-minutes': String(WINDOW_MINUTES),
        'x-codex-primary-reset-at': String(Math.floor(resetAtMs / 1000)),
      },
    })
    if (isReset && used >= 100) {
      fullAtMs = startMs + atMs
      break
    }
  }
  return { tellings, fullAtMs }
}

/**
 * What the forecast says an hour before the window is full.
 * @param {(options: { now: () => number }) => { observeHeaders(headers: Record<string, string>): void, outlook(): { pace?: { runs_out_at?: string, error_minutes?: number } }[] }} createQuota
 */
export function forecastAnHourAhead(createQuota, trace) {
  const atMs = trace.fullAtMs - HOUR
  const clock = { ms: atMs }
  const quota = createQuota({ now: () => clock.ms })
  for (const { atMs: toldMs, headers } of trace.tellings) {
    if (toldMs > atMs) break
    clock.ms = toldMs
    quota.observeHeaders(headers)
  }
  clock.ms = atMs
  const pace = quota.outlook()[0]?.pace
  const offMinutes = pace?.runs_out_at === undefined ? Infinity : (Date.parse(pace.runs_out_at) - trace.fullAtMs) / MINUTE
  return { offMinutes, errorMinutes: pace?.error_minutes }
}
