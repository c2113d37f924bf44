/**
 * One host program, as far as credentials go, in a process of its own. On `call` it calls the backend
 * as a provider does, with one refresh where the bearer is refused, and says how that went.
 */
import {
  createCredentialSource, createFileStore, createLane, createRedisConnection, createRedisStore, type Credential, type TokenStore,
} from '../../../src/auth/index.js'
import { createTransport } from '../../../src/transport/index.js'

export interface WorkerConfig {
  issuer: string
  baseUrl: string
  /** of the token file */
  path?: string
  /** default codex */
  lane?: 'codex' | 'plan'
  redisUrl?: string
  encryptionKey?: string
  /** ends as by SIGKILL when what a refresh brought is to be saved */
  dieAt?: 'save'
}

export interface WorkerAnswer {
  round: number
  outcome: 'ok' | 'error'
  name?: string
  code?: string
  message?: string
  wallMs: number
}

const config = JSON.parse(process.argv[2] ?? '{}') as WorkerConfig
const lane = config.lane ?? 'codex'
const transport = createTransport({ env: {} })
const store = config.redisUrl === undefined
  ? createFileStore({ path: config.path ?? '', lane })
  : createRedisStore({ connection: createRedisConnection({ url: config.redisUrl }), lane, encryptionKey: config.encryptionKey })
const mortal: TokenStore = {
  ...store,
  save(record, options) {
    if (record.pending_refresh === undefined) process.kill(process.pid, 'SIGKILL')
    return store.save(record, options)
  },
}
const source = createCredentialSource({
  lane: createLane(lane, { issuer: config.issuer, baseUrl: config.baseUrl }),
  store: config.dieAt === 'save' ? mortal : store,
  transport,
  warn: (message) => process.stderr.write(`${message}\n`),
})

async function call(): Promise<void> {
  const ask = async (credential: Credential) => {
    const reply = await transport.fetch({ method: 'GET', url: `${config.baseUrl}/models?client_version=99.99.99`, headers: source.headers(credential), timeouts: { totalMs: 60_000 } })
    return reply.status
  }
  const credential = await source.current()
  const status = await ask(credential)
  if (status === 200) return
  if (status !== 401) throw Object.assign(new Error(`the call was answered ${status}`), { code: 'call' })
  const again = await ask(await source.replace(credential.accessToken))
  if (again !== 200) throw Object.assign(new Error(`the call after the refresh was answered ${again}`), { code: 'call' })
}

process.on('message', (message: { round: number }) => {
  const startedAt = performance.now()
  call().then(
    () => answer({ round: message.round, outcome: 'ok', wallMs: performance.now() - startedAt }),
    (error: Error & { code?: string }) => answer({
      round: message.round, outcome: 'error', name: error.name, message: error.message, wallMs: performance.now() - startedAt,
      ...(error.code === undefined ? {} : { code: error.code }),
    }),
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })

function answer(value: WorkerAnswer): void {
  process.send?.(value)
}
