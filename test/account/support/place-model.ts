/**
 * Processes that share places over a Redis, in virtual time: the limiter, its fallback and the script are the real ones, the
 * script runs in a real server, by a clock that is made up. The network, the processes' lives and the server's restarts are the
 * model's, drawn from a seed. What is checked is what docs/fleet.md says.
 */
import { createConcurrencyLimiter, createFallbackLedger, createMemoryLedger, createRedisLedger } from '../../../src/account/index.js'
import { decodePlaceState } from '../../../src/account/decode-places.js'
import { shareOfMachine } from '../../../src/account/place-rule.js'
import { createRedisConnection, type RedisConnection } from '../../../src/auth/redis-connection.js'
import { isRecord, parseJson } from '../../../src/lib/index.js'
import { createRandom, type Random } from '../../soak/seeded.mjs'
import { createWorld, type World } from '../../soak/virtual-time.mjs'

export type Fault = 'kill' | 'pause' | 'hiccup' | 'cut' | 'silent' | 'slow' | 'restart' | 'stall' | 'clock'

export interface ModelOptions {
  url: string
  seed: number
  /** virtual; faults end 20 s before */
  seconds: number
  weights: Partial<Record<Fault, number>>
  machines?: number
  agents?: number
  limit?: number
}

export interface ModelResult {
  /** what broke a promise, with when */
  broken: string[]
  calls: number
  /** places that were given before a pause, and not used after it */
  heldBack: number
  faults: Partial<Record<Fault, number>>
  /** how long the places of a killed process were held for it, ms */
  returnedMs: number[]
  /** in the last 10 s, without faults */
  usedAtEnd: number
  /** sessions that were given no place in the last 15 s */
  starved: string[]
  /** the worst session's mean wait by that of all, of each class; without the waits that a pause of their own machine lengthened */
  unfairness: number
}

const CALL_MS = 1500
const TIMEOUT_MS = 2000
/** What a call takes at most until it leaves, where it needs a connection. */
const CONNECT_MS = 400
const QUIET_MS = 20_000
/** A pause that is shorter ends within the lease, whenever the last sign of life was. */
const SHORT_MS = 1500

interface Call { node: Node; by: 'redis' | 'share'; excused: boolean; running: boolean }
interface Wait { session: string; interactive: boolean; ms: number; atMs: number }

export async function runPlaceModel(options: ModelOptions): Promise<ModelResult> {
  const model = new Model(options)
  await model.run()
  return model.result()
}

/** The server: a real one, whose clock, word of grants and memory are the model's. */
class Server {
  readonly connection: RedisConnection
  down = false
  stalledUntilMs = 0
  clockMs = 1_700_000_000_000
  snapshots: { atMs: number; state: unknown; seen: unknown; grants: unknown }[] = []
  readonly keys = ['amplifier-chatgpt:{model}:places', 'amplifier-chatgpt:{model}:places:seen', 'amplifier-chatgpt:{model}:places:grants'] as const

  constructor(url: string, readonly world: World) {
    this.connection = createRedisConnection({ url })
  }

  starts = 0

  async run(source: string, keys: readonly string[], words: readonly string[], firstWords: readonly string[]): Promise<{ reply: string; state: unknown; published: unknown }> {
    const script = source.replace("redis.call('TIME')", '{ARGV[#ARGV - 1], ARGV[#ARGV]}').replace("redis.call('PUBLISH', ", "redis.call('RPUSH', 'published', ")
      .replace("redis.pcall('INFO', 'server')", `'run_id:start${this.starts}'`)
    if (/'(TIME|PUBLISH|INFO)'/.test(script)) throw new Error('the script asks for the time or publishes in another way than the model knows')
    const nowMs = this.clockMs + this.world.nowMs
    const time = [String(Math.floor(nowMs / 1000)), String(Math.floor((nowMs % 1000) * 1000))]
    const reply = await this.connection.script(script, keys, [...words, ...time], [...firstWords, ...time])
    const [state, published] = await Promise.all([this.connection.command('GET', this.keys[0]), this.connection.command('LPOP', 'published', '1000')])
    return { reply: String(reply), state, published }
  }

  async note(): Promise<void> {
    const [state, seen, grants] = await Promise.all([
      this.connection.command('GET', this.keys[0]), this.connection.command('ZRANGE', this.keys[1], '0', '-1', 'WITHSCORES'), this.connection.command('HGETALL', this.keys[2]),
    ])
    this.snapshots.push({ atMs: this.world.nowMs, state, seen, grants })
    if (this.snapshots.length > 120) this.snapshots.shift()
  }

  /** As after a start with what had been written `ageMs` before it ended; Infinity: nothing. */
  async restore(ageMs: number, endedMs: number): Promise<void> {
    await this.connection.command('DEL', ...this.keys)
    await this.connection.command('SCRIPT', 'FLUSH')
    this.starts++
    const kept = this.snapshots.filter(({ atMs }) => atMs <= endedMs - ageMs).at(-1)
    if (!kept) return
    const seen = Array.isArray(kept.seen) ? kept.seen.map(String) : []
    const grants = Array.isArray(kept.grants) ? kept.grants.map(String) : []
    if (typeof kept.state === 'string') await this.connection.command('SET', this.keys[0], kept.state)
    for (let at = 0; at < seen.length; at += 2) await this.connection.command('ZADD', this.keys[1], seen[at + 1]!, seen[at]!)
    if (grants.length > 0) await this.connection.command('HSET', this.keys[2], ...grants)
  }
}

/** A machine with one process. */
interface Node {
  machine: string
  /** in the ledger; told by its first word */
  name: string
  alive: boolean
  paused: boolean
  /** what comes while it stands still, timers and messages */
  backlog: { timers: (() => void)[]; messages: (() => void)[] }
  link: 'open' | 'cut' | 'silent'
  lateMs: number
  readyAtMs: number
  held: Set<Call>
  scope: () => string
  /** The server knows what it runs: nothing has happened to it since it said so. */
  counted: boolean
  troubledUntilMs: number
  listeners: Map<string, (message: string) => void>
}

class Model {
  readonly world = createWorld()
  readonly server: Server
  readonly random: Random
  readonly nodes: Node[] = []
  readonly calls = new Set<Call>()
  readonly waits: Wait[] = []
  readonly broken: string[] = []
  readonly faults: Partial<Record<Fault, number>> = {}
  readonly dead: { name: string; atMs: number }[] = []
  readonly returnedMs: number[] = []
  readonly busy = new Set<Node>()
  /** when a machine stood still: how long its calls wait then is its own doing */
  readonly outages: { machine: string; fromMs: number; toMs: number }[] = []
  readonly limit: number
  readonly machines: number
  readonly agents: number
  readonly endMs: number
  served = 0
  heldBack = 0
  outage = false
  usedMs = 0
  usedSinceMs: number

  constructor(readonly options: ModelOptions) {
    this.limit = options.limit ?? 12
    this.machines = options.machines ?? 4
    this.agents = options.agents ?? 10
    this.endMs = options.seconds * 1000
    this.usedSinceMs = this.endMs - 10_000
    this.random = createRandom(options.seed, 'places')
    this.server = new Server(options.url, this.world)
  }

  async run(): Promise<void> {
    await this.server.connection.command('FLUSHALL')
    await this.server.connection.command('SCRIPT', 'FLUSH')
    for (let at = 0; at < this.machines; at++) this.world.after(at * 200, () => this.start(at))
    const note = (): Promise<void> => {
      this.world.after(200, note)
      return this.server.down ? Promise.resolve() : this.server.note()
    }
    this.world.after(0, note)
    this.world.after(4000, () => this.disturb())
    await this.world.runUntil(this.endMs)
    // Of the time since the last call began or ended: half a second may be left.
    this.account()
    for (const node of this.nodes) node.alive = false
    await this.server.connection.close()
  }

  result(): ModelResult {
    for (const { name, atMs } of this.dead) this.broken.push(`the places of ${name}, killed at ${atMs}, are still held`)
    const sessions = this.nodes.flatMap(({ machine }) => Array.from({ length: this.agents }, (_, agent) => `${machine}.${agent}`))
    const late = new Set(this.waits.filter(({ atMs }) => atMs > this.endMs - 15_000).map(({ session }) => session))
    return {
      broken: this.broken, calls: this.served, heldBack: this.heldBack, faults: this.faults, returnedMs: this.returnedMs,
      usedAtEnd: this.usedMs / (10_000 * this.limit), starved: sessions.filter((session) => !late.has(session)), unfairness: judge(this.waits.filter((wait) => !this.isTouched(wait))),
    }
  }

  isTouched({ session, atMs, ms }: Wait): boolean {
    return this.outages.some(({ machine, fromMs, toMs }) => session.startsWith(`${machine}.`) && atMs - ms < toMs && atMs > fromMs)
  }

  fail(what: string): void {
    this.broken.push(`${Math.round(this.world.nowMs)} ms: ${what}`)
  }

  start(at: number): void {
    const node: Node = {
      machine: `m${at}`, name: '', alive: true, paused: false, backlog: { timers: [], messages: [] }, link: 'open', lateMs: 0, readyAtMs: 0,
      held: new Set(), scope: () => '', counted: false, troubledUntilMs: this.world.nowMs, listeners: new Map(),
    }
    this.nodes[at] = node
    const skewMs = (this.random.next() - 0.5) * 10_000
    const ledger = createFallbackLedger({
      ledger: createRedisLedger({ connection: this.connect(node), account: 'model' }), local: createMemoryLedger(() => this.world.nowMs), shared: true,
      warn: () => undefined, now: () => this.world.nowMs,
    })
    node.scope = () => ledger.scope
    const limiter = createConcurrencyLimiter({
      limit: this.limit, ledger, now: () => this.world.nowMs + skewMs, self: { machine: node.machine, version: 'model' }, schedule: (ms, run) => this.timer(node, ms, run),
    })
    const work = async (agent: number): Promise<void> => {
      const session = `${node.machine}.${agent}`
      const interactive = agent % 5 === 0
      while (node.alive) {
        const sinceMs = this.world.nowMs
        const giveUp = new AbortController()
        const forget = this.random.chance(0.03) ? this.timer(node, this.random.next() * 2000, () => giveUp.abort()) : () => undefined
        const place = await limiter.acquire({ key: session, interactive, signal: giveUp.signal }).catch(() => undefined)
        forget()
        if (!node.alive) return
        if (!place) continue
        this.waits.push({ session, interactive, ms: this.world.nowMs - sinceMs, atMs: this.world.nowMs })
        await this.call(node, () => limiter.holds(place))
        if (!node.alive) return
        place()
      }
    }
    for (let agent = 0; agent < this.agents; agent++) void work(agent)
  }

  /** One call: on its way for a moment, then running at the backend, whatever becomes of its process; not sent where its place may be another's by then. */
  async call(node: Node, mayLeave: () => boolean): Promise<void> {
    const call: Call = { node, by: node.scope() === 'account' ? 'redis' : 'share', excused: false, running: false }
    node.held.add(call)
    this.calls.add(call)
    await new Promise<void>((resolve) => void this.timer(node, this.random.next() * (this.random.chance(0.1) ? CONNECT_MS : 20), resolve))
    if (!node.alive) return
    if (!mayLeave()) {
      node.held.delete(call)
      this.calls.delete(call)
      this.heldBack++
      return
    }
    this.account()
    call.running = true
    this.served++
    this.check(call)
    await new Promise<void>((resolve) => this.world.after(CALL_MS * (0.5 + this.random.next()), () => {
      this.account()
      this.calls.delete(call)
      this.deliver(node, 'messages', resolve)
    }))
    node.held.delete(call)
  }

  /** What runs beside calls that an outage or a pause has excused: the limit, and a share for each machine by itself. */
  check(begun: Call): void {
    // One that has left the server for its share is cut off, whatever the reason.
    for (const node of this.nodes) if (node.alive && node.scope() !== 'account') this.excuse(node, this.world.nowMs)
    const running = [...this.calls].filter((call) => call.running && !call.excused)
    const byRedis = running.filter(({ by }) => by === 'redis').length
    if (byRedis > this.limit) this.fail(`${byRedis} calls of ${this.limit} run (${begun.node.machine})`)
    const share = shareOfMachine(this.limit, this.machines)
    const own = running.filter((call) => call.by === 'share' && call.node === begun.node).length
    if (own > share) this.fail(`${begun.node.machine} runs ${own} calls by itself, its share is ${share}`)
  }

  account(): void {
    const running = [...this.calls].filter((call) => call.running).length
    const nowMs = Math.min(this.world.nowMs, this.endMs)
    if (nowMs > this.usedSinceMs) {
      this.usedMs += Math.min(this.limit, running) * (nowMs - this.usedSinceMs)
      this.usedSinceMs = nowMs
    }
  }

  timer(node: Node, ms: number, run: () => void): () => void {
    let cancelled = false
    this.world.after(ms, () => this.deliver(node, 'timers', () => { if (!cancelled) run() }))
    return () => { cancelled = true }
  }

  deliver(node: Node, kind: 'timers' | 'messages', run: () => void): void {
    if (node.paused) node.backlog[kind].push(run)
    else if (node.alive) run()
  }

  latency(node: Node): number {
    return 1 + this.random.next() * 7 + node.lateMs
  }

  connect(node: Node): RedisConnection {
    const script = (source: string, keys: readonly string[], words: readonly string[], firstWords = words) => new Promise<unknown>((resolve, reject) => {
      node.name = words[1] ?? ''
      const saidMs = this.world.nowMs
      const away = () => this.deliver(node, 'messages', () => reject(new Error('away')))
      this.timer(node, TIMEOUT_MS, () => reject(new Error('late')))
      if (node.link === 'cut' || this.server.down || this.world.nowMs < node.readyAtMs) return void this.world.after(1, away)
      const arrive = async (): Promise<void> => {
        if (node.link !== 'open' || this.server.down) return void (node.link === 'silent' || away())
        if (this.world.nowMs < this.server.stalledUntilMs) return void this.world.after(this.server.stalledUntilMs - this.world.nowMs, arrive)
        const answer = await this.server.run(source, keys, words, firstWords)
        this.publish(answer.published)
        this.compare(node, words, answer, saidMs)
        this.world.after(this.latency(node), () => { if (node.link === 'open') this.deliver(node, 'messages', () => resolve(answer.reply)) })
      }
      this.world.after(this.latency(node), arrive)
    })
    return {
      place: 'model', script, command: () => Promise.reject(new Error('not of the model')), close: async () => undefined,
      subscribe: (channel, listener) => void node.listeners.set(channel, listener),
    }
  }

  publish(published: unknown): void {
    const words = Array.isArray(published) ? published.map(String) : []
    for (let at = 0; at < words.length; at += 2) {
      const node = this.nodes.find(({ listeners }) => listeners.has(words[at]!))
      if (!node?.alive) continue
      this.world.after(this.latency(node), () => {
        if (node.link === 'open' && !this.server.down && this.world.nowMs >= node.readyAtMs) this.deliver(node, 'messages', () => node.listeners.get(words[at]!)?.(words[at + 1]!))
      })
    }
  }

  /** What the server believes, beside what is: of a process that has said what it runs, never less than that. */
  compare(node: Node, words: readonly string[], { reply, state }: { reply: string; state: unknown }, saidMs: number): void {
    const answer = parseJson(reply)
    const owners = new Map(decodePlaceState(state).owners.map((owner) => [owner.name, owner.running + owner.granted.length]))
    for (const one of [...this.dead]) {
      if (owners.has(one.name)) continue
      this.dead.splice(this.dead.indexOf(one), 1)
      if (this.outage) continue
      this.returnedMs.push(this.world.nowMs - one.atMs)
      if (this.world.nowMs - one.atMs >= 5000) this.fail(`the places of ${one.name} were held for ${this.world.nowMs - one.atMs} ms`)
    }
    if (words[0] === 'step' && isRecord(answer) && answer['unknown'] !== true && saidMs >= node.troubledUntilMs) node.counted = true
    for (const one of this.nodes) {
      const believed = owners.get(one.name)
      if (!one.counted || !one.alive || believed === undefined || one.scope() !== 'account' || believed >= one.held.size) continue
      this.fail(`${one.machine} runs ${one.held.size} calls, the server believes ${believed}`)
    }
  }

  /** Whatever the node runs now stands beside the limit: it was given before. */
  excuse(node: Node, untilMs = Number.POSITIVE_INFINITY, isUnderWay: (call: Call) => boolean = () => true): void {
    node.counted = false
    node.troubledUntilMs = untilMs
    for (const call of node.held) call.excused ||= isUnderWay(call)
  }

  disturb(): void {
    if (this.world.nowMs > this.endMs - QUIET_MS - 8000) return
    this.world.after(1500 * (0.3 + this.random.next()), () => this.disturb())
    const fault = this.random.weighted(this.options.weights)
    const node = this.random.pick(this.nodes)
    if (!node || this.outage || this.busy.has(node) || ((fault === 'restart' || fault === 'stall') && this.busy.size > 0)) return
    this.faults[fault] = (this.faults[fault] ?? 0) + 1
    FAULTS[fault](this, node)
  }

  trouble(node: Node, ms: number, end: () => void): void {
    this.busy.add(node)
    this.world.after(ms, () => {
      end()
      this.busy.delete(node)
    })
  }
}

const FAULTS: Record<Fault, (model: Model, node: Node) => void> = {
  kill(model, node) {
    model.account()
    node.alive = false
    for (const call of node.held) model.calls.delete(call)
    if (node.name !== '' && node.counted) model.dead.push({ name: node.name, atMs: model.world.nowMs })
    model.trouble(node, 500 + model.random.below(1500), () => model.start(Number(node.machine.slice(1))))
  },
  pause: (model, node) => pause(model, node, 2000 + model.random.below(6000)),
  hiccup: (model, node) => pause(model, node, model.random.below(SHORT_MS)),
  cut: (model, node) => cut(model, node, 'cut'),
  silent: (model, node) => cut(model, node, 'silent'),
  slow(model, node) {
    node.lateMs = model.random.below(200)
    model.trouble(node, 4000, () => { node.lateMs = 0 })
  },
  restart(model) {
    const endedMs = model.world.nowMs
    const ageMs = model.random.pick([0, model.random.below(1000), model.random.below(1000), model.random.below(15_000), Number.POSITIVE_INFINITY])
    model.outage = model.server.down = true
    for (const node of model.nodes) node.counted = false
    model.world.after(model.random.below(model.random.pick([400, 4000])), async () => {
      await model.server.restore(ageMs, endedMs)
      model.server.down = false
      for (const node of model.nodes) {
        node.readyAtMs = model.world.nowMs + model.random.below(400)
        node.troubledUntilMs = model.world.nowMs
      }
      comeBack(model)
    })
  },
  stall(model) {
    const ms = model.random.below(model.random.pick([1500, 6000]))
    model.outage = true
    model.server.stalledUntilMs = model.world.nowMs + ms
    model.world.after(ms, () => comeBack(model))
  },
  clock(model) {
    model.server.clockMs += model.random.pick([1, -1]) * model.random.pick([900, 5000, 3_600_000])
  },
}

/** After an outage all have 4 s to come back. */
function comeBack(model: Model): void {
  model.world.after(4000, () => { model.outage = false })
}

function pause(model: Model, node: Node, ms: number): void {
  const long = ms > SHORT_MS
  node.paused = true
  // What has not left yet must not leave after the pause without asking.
  const hasLeft = (call: Call) => call.running
  if (long) {
    model.excuse(node, Number.POSITIVE_INFINITY, hasLeft)
    model.outages.push({ machine: node.machine, fromMs: model.world.nowMs, toMs: model.world.nowMs + ms })
  }
  model.trouble(node, ms, () => {
    node.paused = false
    if (!node.alive) return
    if (long) model.excuse(node, model.world.nowMs, hasLeft)
    const { timers, messages } = node.backlog
    node.backlog = { timers: [], messages: [] }
    for (const run of model.random.chance(0.5) ? [...timers, ...messages] : [...messages, ...timers]) run()
  })
}

function cut(model: Model, node: Node, how: 'cut' | 'silent'): void {
  model.excuse(node)
  node.link = how
  model.trouble(node, 500 + model.random.below(6000), () => {
    node.link = 'open'
    node.readyAtMs = model.world.nowMs + model.random.below(500)
    model.busy.add(node)
    model.world.after(4000, () => {
      model.excuse(node, model.world.nowMs)
      model.busy.delete(node)
    })
  })
}

function judge(waits: readonly Wait[]): number {
  const mean = (list: readonly number[]) => list.reduce((sum, ms) => sum + ms, 0) / Math.max(1, list.length)
  return Math.max(...[true, false].map((interactive) => {
    const own = waits.filter((wait) => wait.interactive === interactive)
    const sessions = new Map<string, number[]>()
    for (const { session, ms } of own) sessions.set(session, [...(sessions.get(session) ?? []), ms])
    return Math.max(0, ...[...sessions.values()].filter((list) => list.length >= 3).map(mean)) / Math.max(1, mean(own.map(({ ms }) => ms)))
  }))
}
