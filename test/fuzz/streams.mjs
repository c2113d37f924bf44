/** Asks one question after the other of a backend that answers by accidents, through every door, and holds each outcome against what must always be. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '../soak/seeded.mjs'
import { DOORS } from './doors.mjs'
import { checkAttempts } from './judge.mjs'
import { startServer } from './server.mjs'

export const KINDS = Object.keys(DOORS)
const IDLE_SECONDS = 4
/** A call that has not ended by then hangs; its own limit is a third of it. */
const HUNG_SECONDS = 60

/** Calls back after so many seconds in which the process ran: of those in which a busy machine did not let it run, none of its own limits knew. */
function afterSecondsAwake(seconds, run) {
  let left = seconds
  const timer = setInterval(() => {
    if (--left > 0) return
    clearInterval(timer)
    run()
  }, 1000)
  return () => clearInterval(timer)
}

/**
 * Question `n` goes through door `n` modulo their number. A refusal stops the calls of its account for seconds, as it
 * should: so there are several accounts, `cells` of each door.
 * @param rooms `mountOnHost`, `createChatGPT`, `createHttpServer`, `isLLMError` and `delay` of the sources or of a build
 * @param options.more whether another question is to be asked, given how many have reached the backend and how many there were
 * @param options.only one question alone
 * @param options.tls the backend speaks TLS and is reached through a proxy
 * @param options.tell hears of what is wrong at once
 */
export async function fuzzStreams(rooms, { seed, more, only, cells = 3, perCell = 1, tls = false, tell }) {
  const wrong = []
  const say = (line) => {
    wrong.push(line)
    tell?.(line)
  }
  const outcomes = {}
  const byDoor = {}
  const pairs = { request: 0, response: 0 }
  const escaped = (error) => void say(`escaped every promise: ${error?.stack ?? error}`)
  process.on('uncaughtException', escaped)
  process.on('unhandledRejection', escaped)
  // In memory where that can be: a disk that others use as well sets the pace otherwise.
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'fuzz-'))
  const random = createRandom(seed, 'clock')
  const network = tls ? await (await import('./network.mjs')).openNetwork(rooms, { folder, random: createRandom(seed, 'network') }) : undefined
  const server = await startServer({ seed, tls: network?.tls })
  let skewMs = 0
  const terms = {
    folder, pairs, urls: server,
    parts: { now: () => Date.now() + skewMs, warn: () => undefined, delay: (ms, options) => rooms.delay(Math.min(ms, 5), options) },
    config: { login_on_mount: false, timeout: IDLE_SECONDS, first_event_timeout: IDLE_SECONDS, total_timeout: HUNG_SECONDS / 3, max_retries: 2, max_continuations: 1, models_cache_ttl: 10, max_concurrency: 2 * perCell },
  }
  let asked = 0
  let reached = 0
  const next = KINDS.map((_, index) => index)
  const askOne = async (door, kind, n) => {
    const complain = (text) => void say(`--seed ${seed} --only ${n} (${kind}): ${text}`)
    let stop
    const late = new Promise((resolve) => { stop = afterSecondsAwake(HUNG_SECONDS, () => resolve('hung')) })
    const outcome = await Promise.race([late, door.ask(n, complain)])
    stop()
    if (outcome === 'hung') complain('hung')
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    byDoor[kind] = (byDoor[kind] ?? 0) + 1
    const attempts = server.asked.get(String(n)) ?? []
    if (attempts.length > 0) reached++
    checkAttempts(attempts, outcome, complain)
    server.asked.delete(String(n))
  }
  const runCell = async (index) => {
    const place = only === undefined ? index % KINDS.length : only % KINDS.length
    const kind = KINDS[place]
    // The first of each kind counts in files, as it does by default, the others in the process: half the CPU of a call.
    const counting = index < KINDS.length ? {} : { concurrency_scope: 'process' }
    const door = await DOORS[kind](rooms, { ...terms, config: { ...terms.config, ...counting, ...network?.config(index) }, name: `account-${index}` })
    const worker = async () => {
      while (only === undefined ? more(reached, asked) : asked < 1) {
        asked++
        if (random.chance(0.01)) skewMs = Math.round((random.next() * 2 - 1) * 86_400_000)
        await askOne(door, kind, only ?? (next[place] += KINDS.length) - KINDS.length)
      }
    }
    await Promise.all(Array.from({ length: only === undefined ? perCell : 1 }, worker))
    await door.close()
  }
  await Promise.all(Array.from({ length: only === undefined ? cells * KINDS.length : 1 }, (_, index) => runCell(index)))
  await server.close()
  await network?.close()
  await rm(folder, { recursive: true, force: true })
  if (pairs.request !== pairs.response) wrong.push(`${pairs.request} llm:request and ${pairs.response} llm:response`)
  await new Promise((resolve) => setImmediate(resolve))
  process.off('uncaughtException', escaped)
  process.off('unhandledRejection', escaped)
  return { asked, reached, outcomes, byDoor, wrong, network: network?.happened }
}
