/**
 * Processes killed (SIGKILL) at random steps of the refresh: the next one serves, or names the exact
 * cause; the file is never cut, never wider than 0600, and no lock keeps the next one longer than 10 s.
 *
 *   node test/soak/auth-kill.mjs [--kills 200] [--seed N]
 */
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadRooms, option, percentile, table } from './auth-support.mjs'

const kills = option('kills', 200)
const seed = option('seed', Date.now() % 1_000_000)

const rooms = await loadRooms()
const random = rooms.createRandom(seed)
const twin = await rooms.startTwin()
const folder = await mkdtemp(join(tmpdir(), 'auth-kill-'))
const path = join(folder, 'token.json')
const store = rooms.auth.createFileStore({ path, lane: 'codex' })
const config = { issuer: twin.issuer, baseUrl: twin.baseUrl, path }
const counts = { before: 0, pending: 0, spent: 0, saved: 0, served: 0, named: 0, unexplained: 0, truncated: 0, wider: 0, leftBehind: 0 }
const walls = []
const exchanges = () => twin.requests.filter(({ path: asked }) => asked === '/oauth/token').length
async function untilExchange() {
  const seen = exchanges()
  for (let waited = 0; exchanges() === seen && waited < 500; waited += 1) await new Promise((resolve) => setTimeout(resolve, 1))
}
try {
  await store.save({ ...twin.issueTokens() })
  for (let kill = 0; kill < kills; kill += 1) {
    const before = JSON.parse(await readFile(path, 'utf8'))
    twin.expireAccessTokens()
    twin.enqueueRefresh({ delayBeforeMs: 12 * random(), delayAfterMs: 12 * random() })
    const victim = rooms.startHost(rooms.program, config)
    await victim.ready
    const call = victim.call(kill).catch(() => undefined)
    const refreshed = twin.refreshes.length
    // A third of the kills fall on the way to the exchange, the others around it and on the way back.
    const towards = random() < 1 / 3
    if (!towards) await untilExchange()
    await new Promise((resolve) => setTimeout(resolve, (towards ? 80 : 40) * random()))
    await victim.end()
    await call
    const text = await readFile(path, 'utf8')
    let after
    try {
      after = JSON.parse(text)
    } catch {
      counts.truncated += 1
    }
    if (((await stat(path)).mode & 0o077) !== 0) counts.wider += 1
    for (const name of await readdir(folder)) if (name.endsWith('.tmp') && ((await stat(join(folder, name))).mode & 0o077) !== 0) counts.wider += 1
    const committed = twin.refreshes.slice(refreshed).some((each) => each.committed)
    if (after?.refresh_token !== before.refresh_token) counts.saved += 1
    else if (committed) counts.spent += 1
    else if (after?.pending_refresh) counts.pending += 1
    else counts.before += 1

    const next = rooms.startHost(rooms.program, config)
    await next.ready
    const answer = await next.call(kill)
    await next.end()
    walls.push(answer.wallMs)
    if (answer.outcome === 'ok') counts.served += 1
    else if (answer.code === 'refresh_token_reused' && committed && answer.message.includes(`process ${victim.process.pid} began`)) counts.named += 1
    else {
      counts.unexplained += 1
      console.log(JSON.stringify({ kill, answer }))
    }
    if ((await readdir(folder)).some((name) => name !== 'token.json')) {
      counts.leftBehind += 1
      console.log(JSON.stringify({ kill, left: await readdir(folder) }))
    }
    if (answer.outcome !== 'ok') await store.save({ ...twin.issueTokens() })
  }
  table([
    ['seed', String(seed)],
    ['kills', String(kills)],
    ['killed before the exchange was noted', String(counts.before)],
    ['killed after it was noted, token unspent', String(counts.pending)],
    ['killed after the token was spent, unsaved', String(counts.spent)],
    ['killed after it was saved', String(counts.saved)],
    ['next process served', String(counts.served)],
    ['next process named the exact cause', String(counts.named)],
    ['unexplained failures', String(counts.unexplained)],
    ['cut files', String(counts.truncated)],
    ['files wider than 0600', String(counts.wider)],
    ['locks or temporary files left', String(counts.leftBehind)],
    ['next process p50 / max', `${Math.round(percentile(walls, 0.5))} ms / ${Math.round(percentile(walls, 1))} ms`],
  ])
  const bad = counts.unexplained + counts.truncated + counts.wider + counts.leftBehind
  process.exitCode = bad === 0 && percentile(walls, 1) < 10_000 ? 0 : 1
} finally {
  await twin.close()
  await rm(folder, { recursive: true, force: true })
  await rooms.close()
}
