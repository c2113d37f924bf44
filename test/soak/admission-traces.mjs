/**
 * Eight hours of agents on a plan whose window they would use up, from a seed, with admission by forecast on or off. A few of the
 * agents' turns are essential. Agents come and go, pause for a while all together, and make bursts; what a call draws is told late
 * and rounded off, and the rule is told nothing of what a tier costs.
 */
import { createRandom } from './seeded.mjs'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const HOURS = 8
/** The window is reset after three hours; its five from there on are the ones that are judged. */
const RESET_AT = 3 * HOUR
const WINDOW_MINUTES = 300
/** What a call of the cheaper tier draws of what it would draw as asked. */
const CHEAPER = 0.2
const POLL = 15_000
const LAST = 40 * MINUTE

/** What is asked, the same with admission and without. */
export function buildDemand(seed) {
  const random = createRandom(seed, 'admission trace')
  const { next } = random
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const agents = 8 + Math.floor(next() * 8)
  const decimals = next() < 0.5 ? 0 : 2
  // What is asked in five hours, in windows: from just enough to far too much.
  const load = 1.05 + next() * 1.2
  const essentialShare = 0.03 + next() * 0.12
  const pauses = next() < 0.5 ? [] : Array.from({ length: 2 }, () => ({ from: next() * HOURS * HOUR, length: (5 + 15 * next()) * MINUTE }))
  const bursts = next() < 0.5 ? [] : Array.from({ length: 2 }, () => ({ from: next() * HOURS * HOUR, length: (10 + 20 * next()) * MINUTE }))
  const within = (ranges, atMs) => ranges.find(({ from, length }) => atMs >= from && atMs < from + length)
  const calls = []
  for (let agent = 0; agent < agents; agent++) {
    const size = Math.exp(0.4 * normal())
    const thinkMs = (5 + next() * 30) * 1000
    for (let atMs = next() * thinkMs; atMs < HOURS * HOUR;) {
      const pause = within(pauses, atMs)
      if (pause) {
        atMs = pause.from + pause.length + next() * MINUTE
        continue
      }
      const takesMs = 4_000 + 20_000 * next()
      const essential = next() < essentialShare
      calls.push({ agent, atMs, takesMs, essential, cost: (essential ? 1 : size) * Math.exp(0.7 * normal()), weigh: Math.exp(0.3 * normal()) })
      atMs += takesMs - (within(bursts, atMs) ? 0.3 : 1) * thinkMs * Math.log(1 - next())
    }
  }
  const drawn = (fromMs) => calls.filter(({ atMs }) => atMs >= fromMs).reduce((total, { cost }) => total + cost, 0)
  const sum = drawn(RESET_AT)
  // What is spared before agents pause until the reset is spared for nobody: no rule can know of the pause.
  const sufficed = drawn(HOURS * HOUR - LAST) > (0.6 * LAST * sum) / (HOURS * HOUR - RESET_AT)
  for (const call of calls) call.cost *= (100 * load) / sum
  return { calls, agents, decimals, load, essentialShare, sufficed, pauses: pauses.length, bursts: bursts.length }
}

/**
 * Runs the demand in order of time: an agent that waits or was refused has its later calls that much later.
 * @param {(options: { now: () => number }) => { observeHeaders(headers: Record<string, string>): void, windows(): unknown[], watch(listener: () => void): () => void }} createQuota
 * @param createAdmission undefined: admission is off
 */
export function runTrace({ createQuota, createAdmission }, demand, startMs) {
  const clock = { ms: startMs }
  const now = () => clock.ms
  const quota = createQuota({ now })
  const admission = createAdmission?.({ quota, now })
  const unit = 10 ** demand.decimals
  let used = 20
  let isReset = false
  const outcome = { essential: 0, essentialRefused: 0, refused: 0, steppedDown: 0, asAsked: 0, waitedMs: 0, usedAtReset: 0, switches: 0 }
  const headers = () => ({
    'x-codex-primary-used-percent': String(Math.floor(used * unit) / unit), 'x-codex-primary-window-minutes': String(WINDOW_MINUTES),
    'x-codex-primary-reset-at': String(Math.floor((startMs + (isReset ? RESET_AT + WINDOW_MINUTES * MINUTE : RESET_AT)) / 1000)),
  })
  const byAgent = Array.from({ length: demand.agents }, (_, agent) => ({ calls: demand.calls.filter((call) => call.agent === agent), place: 0, lateMs: 0 }))
  const events = []
  const push = (atMs, run) => {
    let low = 0
    for (let high = events.length; low < high;) {
      const middle = (low + high) >> 1
      if (events[middle].atMs > atMs) low = middle + 1
      else high = middle
    }
    events.splice(low, 0, { atMs, run })
  }
  let lastAction
  const begin = (agent) => {
    const call = agent.calls[agent.place]
    if (call === undefined) return
    const verdict = admission?.judge({ essential: call.essential }) ?? { action: 'as_asked' }
    if (verdict.action === 'wait') {
      agent.lateMs += POLL
      outcome.waitedMs += POLL
      return push(clock.ms - startMs + POLL, () => begin(agent))
    }
    if (!call.essential && verdict.action !== lastAction) outcome.switches += lastAction === undefined ? 0 : 1
    if (!call.essential) lastAction = verdict.action
    const steppedDown = verdict.action === 'step_down'
    if (call.essential) outcome.essential++
    if (used >= 100) {
      if (call.essential) outcome.essentialRefused++
      else outcome.refused++
      agent.place++
      quota.observeHeaders(headers())
      return follow(agent)
    }
    if (steppedDown) outcome.steppedDown++
    else if (!call.essential) outcome.asAsked++
    const end = admission?.begin({ essential: call.essential, steppedDown })
    quota.observeHeaders(headers())
    push(clock.ms - startMs + call.takesMs, () => {
      used = Math.min(100, used + call.cost * (steppedDown ? CHEAPER : 1))
      end?.(call.cost * call.weigh)
      agent.place++
      follow(agent)
    })
  }
  const follow = (agent) => {
    const call = agent.calls[agent.place]
    if (call !== undefined) push(Math.max(clock.ms - startMs, call.atMs + agent.lateMs), () => begin(agent))
  }
  push(RESET_AT, () => { used = 0; isReset = true })
  push(HOURS * HOUR, () => { outcome.usedAtReset = used; events.length = 0 })
  for (const agent of byAgent) follow(agent)
  while (events.length > 0) {
    const { atMs, run } = events.pop()
    clock.ms = startMs + atMs
    run()
  }
  return outcome
}

/** What is told of the window while all of it is served as asked, until the window is full: as `buildQuotaTrace` answers it. */
export function tellDemand({ calls, decimals, agents }, startMs) {
  const unit = 10 ** decimals
  const ends = calls.map(({ atMs, takesMs, cost }) => ({ atMs: atMs + takesMs, cost })).sort((left, right) => left.atMs - right.atMs)
  const tellings = []
  let used = 20
  let isReset = false
  for (const { atMs, cost } of ends) {
    if (!isReset && atMs >= RESET_AT) [isReset, used] = [true, 0]
    used = Math.min(100, used + cost)
    const resetAtMs = startMs + RESET_AT + (isReset ? WINDOW_MINUTES * MINUTE : 0)
    tellings.push({ atMs: startMs + atMs, headers: {
      'x-codex-primary-used-percent': String(Math.floor(used * unit) / unit), 'x-codex-primary-window-minutes': String(WINDOW_MINUTES), 'x-codex-primary-reset-at': String(Math.floor(resetAtMs / 1000)),
    } })
    if (isReset && used >= 100) return { tellings, fullAtMs: startMs + atMs, agents, decimals }
  }
  return { tellings, fullAtMs: startMs + HOURS * HOUR, agents, decimals }
}
