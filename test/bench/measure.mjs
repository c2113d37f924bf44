/**
 * One measurement in a process of its own: `node --expose-gc measure.mjs WORD CLIENT ORIGIN RECIPE [COUNT]`, answers JSON.
 *
 * - `cpu`: median CPU of a delta over COUNT calls, ms and µs
 * - `many`: COUNT calls at once: CPU, and by how much the process grew
 * - `first`: median time from the call to its first delta, over COUNT calls in a row
 * - `trickle`: COUNT calls at once whose deltas come one by one: CPU a delta over all, CPU of opening a call up to its first
 *   delta, CPU of a delta while all wait, and by how much the process grew for each
 * - `waiting`: the same, stopped in the middle: what of it is live memory
 * - `memory`: one call whose consumer is slower than its server: by how much live and resident memory grow
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { clients } from './clients.mjs'
import { TOKEN } from './mount-ours.mjs'

const [word, client, origin, recipe, countText = '15'] = process.argv.slice(2)
const count = Number(countText)
const connect = (name = recipe) => clients[client]({ origin, recipe: name, token: TOKEN })
const median = (values) => values.sort((left, right) => left - right)[values.length >> 1]
const cpuMs = (since) => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}
const round = (value) => Math.round(value * 1000) / 1000

/** One call after another wants one of these: over a bare WebSocket a stream has a connection of its own. */
async function connectEach() {
  const warm = await connect('trickle-5-5')
  const call = await connect()
  const fresh = (name) => async (options) => (await connect(name))(options)
  // Of both clients over WebSocket each call of the warming up has a connection of its own, and closes it: `bare-ws` had made 2,000
  // of them before it was measured and ours 430, since idle ones of a conversation are taken again.
  let calls = 0
  const warmUp = { 'bare-ws': fresh('trickle-5-5'), 'ours-ws': () => warm({ conversation: `warm-up-${calls++}` }) }[client] ?? warm
  // What V8 compiles meanwhile, on threads of its own, counts as processor time: after five rounds it was a third of what 400 calls took.
  for (let n = 0; n < 50; n++) await Promise.all(Array.from({ length: 40 }, () => warmUp()))
  return client === 'bare-ws' ? fresh(recipe) : call
}

const WORDS = {
  async cpu() {
    const call = await connect()
    // What takes seconds a call needs no warming up.
    if (count > 1) for (let n = 0; n < 5; n++) await call()
    const spent = []
    let deltas = 0
    for (let n = 0; n < count; n++) {
      const before = process.cpuUsage()
      deltas = await call()
      spent.push(cpuMs(before))
    }
    const ms = median(spent)
    return { deltas, cpu_ms: round(ms), us_per_delta: round((ms * 1000) / deltas) }
  },

  async many() {
    const call = await connect()
    for (let n = 0; n < 3; n++) await call()
    globalThis.gc?.()
    const rss = process.memoryUsage.rss()
    let peak = rss
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 10)
    const before = process.cpuUsage()
    await Promise.all(Array.from({ length: count }, () => call()))
    const spent = cpuMs(before)
    clearInterval(timer)
    peak = Math.max(peak, process.memoryUsage.rss())
    return { cpu_ms: round(spent), growth_mb: round((peak - rss) / 1e6) }
  },

  async trickle() {
    const start = await connectEach()
    globalThis.gc()
    const rss = process.memoryUsage.rss()
    let peak = rss
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 100)
    const before = process.cpuUsage()
    // Opened once each has its first delta; waiting from there until the first of them has its last but one: ends cost otherwise.
    let [begun, late, deltas] = [0, 0, 0]
    let opened, waited
    const last = Number(recipe.split('-')[1]) - 1
    const onDelta = (seen) => {
      deltas++
      if (seen === 1 && ++begun === count) opened = { ms: cpuMs(before), deltas }
      if (seen === last && late++ === 0) waited = { ms: cpuMs(before), deltas }
    }
    await Promise.all(Array.from({ length: count }, () => start({ onDelta })))
    const spent = cpuMs(before)
    clearInterval(timer)
    return {
      deltas, us_per_delta: round((spent * 1000) / deltas), us_per_call_opened: round((opened.ms * 1000) / count),
      us_per_delta_waiting: round(((waited.ms - opened.ms) * 1000) / (waited.deltas - opened.deltas)), kb_per_stream: round((peak - rss) / 1000 / count),
    }
  },

  async waiting() {
    const start = await connectEach()
    const read = () => {
      globalThis.gc()
      globalThis.gc()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
    const before = read()
    let waiting = 0
    let live
    // The second delta of every stream has been taken: each waits for its third.
    const onDelta = (seen) => {
      if (seen === 2 && ++waiting === count) setTimeout(() => (live = read() - before), 50)
    }
    await Promise.all(Array.from({ length: count }, () => start({ onDelta })))
    return { live_kb_per_stream: round(live / 1000 / count) }
  },

  async first() {
    const call = await connect()
    const times = []
    for (let n = 0; n < count + 20; n++) {
      const started = performance.now()
      let first
      await call({ onDelta: () => void (first ??= performance.now() - started) })
      if (n >= 20) times.push(first)
    }
    return { ms: round(median(times)) }
  },

  async memory() {
    const warm = await connect('text-20000')
    await warm()
    await warm()
    const call = await connect()
    const read = () => {
      // Twice: memory outside of the heap is counted until the sweep has ended, which the second waits for.
      globalThis.gc()
      globalThis.gc()
      const { heapUsed, external, rss } = process.memoryUsage()
      return { live: heapUsed + external, rss }
    }
    const start = read()
    const peak = { ...start }
    const note = (sample) => {
      peak.live = Math.max(peak.live, sample.live)
      peak.rss = Math.max(peak.rss, sample.rss)
    }
    const settled = []
    const deltas = await call({
      onDelta(seen) {
        if (seen % 50_000 === 0) {
          const sample = read()
          note(sample)
          if (seen >= 200_000) settled.push(sample.rss)
        }
        return seen % 100 === 0 ? sleep(1) : undefined
      },
    })
    note({ live: 0, rss: process.memoryUsage.rss() })
    return { deltas, live_growth_mb: round((peak.live - start.live) / 1e6), rss_growth_mb: round((peak.rss - start.rss) / 1e6), settled_growth_mb: round(((settled.at(-1) ?? 0) - (settled[0] ?? 0)) / 1e6) }
  },
}

console.log(JSON.stringify(await WORDS[word]()))
process.exit(0)
