/**
 * An older version and this one side by side on one sign-in, in Redis and in a file, while access tokens expire and processes of
 * the old version are replaced by new ones one at a time. Fails where a refresh token is spent twice or a call loses its sign-in.
 *
 *   git worktree add /tmp/older 996ecf8 && (cd /tmp/older && npm ci && npm run validators)
 *   node test/soak/rolling-upgrade.mjs --old /tmp/older [--seconds 20]
 */
import { fork } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { option, startRedis } from './auth-support.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const self = fileURLToPath(import.meta.url)
const STORE_KEY = Buffer.alloc(32, 7).toString('base64')
const PROCESSES = 4
/** Long enough for a call to use what it refreshed on a busy machine. */
const EXPIRE_MS = 3000

/** A process of either version: asks one call after the other until it is told to end, and tells what each came to. */
async function work({ rooms: bundle, name, config }) {
  const { createModule, createHost } = await import(bundle)
  const module = createModule({ warn: (message) => process.send({ warning: message }) })
  const host = createHost({ config: { providers: [{ module: module.id, config }] }, modules: { [module.id]: module }, warn: () => undefined })
  await host.start()
  const provider = host.coordinator.get('providers', 'openai-chatgpt')
  let ending = false
  process.on('message', () => { ending = true })
  process.send({ ready: true })
  for (let number = 0; !ending; number++) {
    await provider.complete({ model: 'gpt-5.5', messages: [{ role: 'user', content: `upgrade:${name}.${number}` }] }).then(
      () => process.send({ served: 1 }),
      (error) => process.send({ failed: `${error.name} ${error.code ?? ''}` }),
    )
    await sleep(20 + 60 * Math.random())
  }
  await host.close()
  process.exit(0)
}

async function bundleRooms(folder) {
  const outfile = join(await mkdtemp(join(folder, 'node_modules', '.upgrade-')), 'rooms.mjs')
  await build({
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile,
    stdin: { resolveDir: folder, loader: 'ts', contents: "export { createModule } from './src/index.js'\nexport { createHost } from './src/host/index.js'\nexport { startTwin } from './src/twin/index.js'\nexport { createRedisConnection, createRedisStore } from './src/auth/index.js'" },
  })
  return outfile
}

async function judge(kind, { older, newer, seconds }) {
  const { startTwin, createRedisConnection, createRedisStore } = await import(newer)
  const folder = await mkdtemp(join(tmpdir(), 'upgrade-'))
  const redis = kind === 'redis' ? await startRedis(folder) : undefined
  const twin = await startTwin({})
  const config = {
    base_url: twin.baseUrl, issuer: twin.issuer, transport: 'sse', login_on_mount: false, matrix: 'openai-chatgpt',
    ...(redis ? { token_store: 'redis', redis_url: redis.url } : { token_file_path: join(folder, 'openai-chatgpt-oauth.json') }),
  }
  const record = { auth_mode: 'oauth', ...twin.issueTokens() }
  if (redis) {
    const store = createRedisStore({ connection: createRedisConnection({ url: redis.url }), lane: 'codex', encryptionKey: STORE_KEY })
    await store.save(record)
    await store.close()
  } else await writeFile(config.token_file_path, JSON.stringify(record), { mode: 0o600 })
  const seen = { served: { old: 0, new: 0 }, failed: {}, warnings: {} }
  const start = async (version, name) => {
    const child = fork(self, ['--work', JSON.stringify({ rooms: version === 'old' ? older : newer, name, config })], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...process.env, NODE_OPTIONS: '', HOME: folder, AMPLIFIER_CHATGPT_STORE_KEY: STORE_KEY },
    })
    child.on('message', ({ served, failed, warning }) => {
      if (served) seen.served[version] += 1
      if (failed) seen.failed[`${version}: ${failed}`] = (seen.failed[`${version}: ${failed}`] ?? 0) + 1
      if (warning) seen.warnings[`${version}: ${warning}`] = (seen.warnings[`${version}: ${warning}`] ?? 0) + 1
    })
    await new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', () => reject(new Error(`a process of the ${version} version ended early`)))
    })
    return child
  }
  const children = []
  for (let at = 0; at < PROCESSES; at++) children.push(await start('old', `old${at}`))
  let expired = 0
  const ticker = setInterval(() => {
    twin.expireAccessTokens()
    expired++
  }, EXPIRE_MS)
  // One after the other is replaced; in between both versions serve, and refresh.
  for (let at = 0; at < PROCESSES; at++) {
    await sleep((seconds * 1000) / (PROCESSES + 1))
    const gone = new Promise((resolve) => children[at].once('exit', resolve))
    children[at].send('end')
    await gone
    children[at] = await start('new', `new${at}`)
  }
  await sleep((seconds * 1000) / (PROCESSES + 1))
  clearInterval(ticker)
  for (const child of children) {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.send('end')
    await gone
  }
  const outcomes = twin.refreshes.map(({ outcome }) => outcome)
  const texts = twin.responses().flatMap(({ status, body }) => (status === 200 ? [/upgrade:[\w.]+/.exec(JSON.stringify(body ?? ''))?.[0] ?? ''] : []))
  const row = {
    'kept in': kind, 'served by the old': seen.served.old, 'by the new': seen.served.new, 'times expired': expired, refreshes: outcomes.length,
    'refreshes refused': outcomes.filter((outcome) => outcome !== 'ok').length, 'calls failed': Object.values(seen.failed).reduce((sum, count) => sum + count, 0),
    'answered twice': texts.length - new Set(texts).size,
  }
  console.log(JSON.stringify({ failed: seen.failed, warnings: seen.warnings, left: redis ? [] : await readdir(folder) }))
  await twin.close()
  redis?.stop()
  await rm(folder, { recursive: true, force: true })
  return row
}

async function run() {
  const old = option('old', '')
  if (old === '') throw new Error('--old names a folder with the older version, installed')
  const [older, newer] = [await bundleRooms(old), await bundleRooms(root)]
  const rows = []
  for (const kind of ['redis', 'file']) rows.push(await judge(kind, { older, newer, seconds: option('seconds', 20) }))
  console.table(rows)
  for (const path of [older, newer]) await rm(join(path, '..'), { recursive: true, force: true })
  process.exit(rows.some((row) => row['refreshes refused'] > 0 || row['calls failed'] > 0 || row['answered twice'] > 0) ? 1 : 0)
}

const at = process.argv.indexOf('--work')
await (at > 0 ? work(JSON.parse(process.argv[at + 1])) : run())
