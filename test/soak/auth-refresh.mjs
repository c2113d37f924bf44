/**
 * Many processes through rounds of forced expiry, against a single-use issuer: one exchange a round,
 * no token sent twice, no call failed.
 *
 *   node test/soak/auth-refresh.mjs [--processes 50] [--rounds 20] [--redis]
 *
 * With --redis the processes have separate home folders and share a Redis server instead of a file.
 */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadRooms, option, percentile, startRedis, table } from './auth-support.mjs'

const processes = option('processes', 50)
const rounds = option('rounds', 20)
const overRedis = option('redis', false)
const encryptionKey = Buffer.alloc(32, 9).toString('base64')

const rooms = await loadRooms()
const { auth } = rooms
const twin = await rooms.startTwin()
const folder = await mkdtemp(join(tmpdir(), 'auth-refresh-'))
const redis = overRedis ? await startRedis(folder) : undefined
const hosts = []
try {
  const path = join(folder, 'token.json')
  const connection = redis && auth.createRedisConnection({ url: redis.url })
  const store = connection
    ? auth.createRedisStore({ connection, lane: 'codex', encryptionKey })
    : auth.createFileStore({ path, lane: 'codex' })
  await store.save({ ...twin.issueTokens() })
  for (let index = 0; index < processes; index += 1) {
    const home = join(folder, `home-${index}`)
    await mkdir(home)
    const config = { issuer: twin.issuer, baseUrl: twin.baseUrl, ...(redis ? { redisUrl: redis.url, encryptionKey } : { path }) }
    hosts.push(rooms.startHost(rooms.program, config, { env: { HOME: home } }))
    // Two cores start a process in a quarter of a second; all at once would only swap.
    if (index % 4 === 3) await hosts.at(-1).ready
  }
  await Promise.all(hosts.map(({ ready }) => ready))
  const failures = []
  const walls = []
  for (let round = 0; round < rounds; round += 1) {
    twin.expireAccessTokens()
    const answers = await Promise.all(hosts.map((host) => host.call(round)))
    walls.push(...answers.map(({ wallMs }) => wallMs))
    failures.push(...answers.filter(({ outcome }) => outcome !== 'ok'))
  }
  const reused = twin.refreshes.filter(({ outcome }) => outcome === 'refresh_token_reused').length
  await connection?.close()
  table([
    ['store', overRedis ? 'redis' : 'file'],
    ['processes × rounds', `${processes} × ${rounds}`],
    ['calls', String(walls.length)],
    ['exchanges', String(twin.refreshes.length)],
    ['reused tokens', String(reused)],
    ['failed calls', String(failures.length)],
    ['call p50 / p95 / max', [0.5, 0.95, 1].map((share) => `${Math.round(percentile(walls, share))} ms`).join(' / ')],
    ['left in the folder', (await readdir(folder)).filter((name) => !name.startsWith('home-')).join(' ') || 'nothing'],
  ])
  for (const failure of failures.slice(0, 5)) console.log(JSON.stringify(failure))
  process.exitCode = twin.refreshes.length === rounds && reused === 0 && failures.length === 0 ? 0 : 1
} finally {
  await Promise.all(hosts.map((host) => host.end()))
  redis?.stop()
  await twin.close()
  await rm(folder, { recursive: true, force: true })
  await rooms.close()
}
