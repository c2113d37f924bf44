/**
 * Calls over a disk that is full, and over one without locks: they go on or fail with a named error, nothing hangs, and nothing
 * half-written is read. As root, who may mount a disk of 2 MB; without locks needs a C compiler.
 *
 *   node test/soak/disk-trouble.mjs
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const FILLER = 'filler'
const STATE = 'openai-chatgpt-state.json'
const TOKENS = 'openai-chatgpt-oauth.json'
const root = fileURLToPath(new URL('../..', import.meta.url))
const self = fileURLToPath(import.meta.url)
/** No call may take longer: the ledger is given up after 2 s, and a call of the stand-in takes milliseconds. */
const MOST_MS = 12_000

async function loadRooms() {
  const cache = join(root, 'node_modules', '.cache')
  mkdirSync(cache, { recursive: true })
  const outfile = join(cache, `disk-trouble-${process.pid}.mjs`)
  process.once('exit', () => rmSync(outfile, { force: true }))
  await build({
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile,
    stdin: {
      resolveDir: root, loader: 'ts',
      contents: "export { startTwin } from './src/twin/index.js'\nexport { mountOnHost } from './src/mount-on-host.js'\nexport { openResponseStore } from './src/http/open-response-store.js'",
    },
  })
  return import(pathToFileURL(outfile).href)
}

/** A mount whose files lie in `folder`, and how its calls went. */
async function open({ mountOnHost }, twin, folder, config = {}) {
  const seen = { served: 0, failed: {}, warnings: [], slowestMs: 0 }
  const mounted = await mountOnHost({
    config: { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: join(folder, TOKENS), transport: 'sse', login_on_mount: false, max_concurrency: 3, matrix: 'openai-chatgpt', ...config },
    parts: { warn: (message) => seen.warnings.push(message) },
  })
  const call = async (number) => {
    const beganMs = performance.now()
    await mounted.provider.complete({ model: 'gpt-5.5', messages: [{ role: 'user', content: `call ${number}` }], conversation_id: `c${number % 5}` }).then(
      () => { seen.served++ }, (error) => { seen.failed[`${error.name} ${error.code ?? ''}`] = (seen.failed[`${error.name} ${error.code ?? ''}`] ?? 0) + 1 },
    )
    seen.slowestMs = Math.max(seen.slowestMs, performance.now() - beganMs)
  }
  return { seen, calls: (count) => Promise.all(Array.from({ length: count }, (_, number) => call(number))), close: () => mounted.close() }
}

/** What stands in the folder is whole, whenever it is looked at. */
function watchFiles(folder) {
  const halves = new Set()
  const timer = setInterval(() => {
    for (const name of [STATE, TOKENS]) {
      try {
        JSON.parse(readFileSync(join(folder, name), 'utf8'))
      } catch (error) {
        if (error.code !== 'ENOENT') halves.add(`${name}: ${error.message}`)
      }
    }
  }, 2)
  return () => {
    clearInterval(timer)
    return [...halves]
  }
}

/** Takes what room there is, down to the last byte. */
function fill(disk) {
  for (let size = 512 * 1024; size >= 1; size = Math.floor(size / 2)) {
    for (;;) {
      try {
        writeFileSync(join(disk, FILLER), Buffer.alloc(size), { flag: 'a' })
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error
        break
      }
    }
  }
}

async function fullDisk(rooms) {
  const disk = mkdtempSync(join(tmpdir(), 'full-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { encoding: 'utf8' })
  if (mounted.status !== 0) return console.log(`skipped: no disk could be mounted here (${(mounted.error?.message ?? mounted.stderr).trim()})`)
  const twin = await rooms.startTwin({})
  try {
    writeFileSync(join(disk, TOKENS), JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
    const first = await open(rooms, twin, disk)
    const store = await rooms.openResponseStore({ kind: 'sqlite', folder: disk })
    await first.calls(6)
    await store.put('owner', 'before', 'made up')
    const stopWatching = watchFiles(disk)
    fill(disk)
    await first.calls(30)
    const second = await open(rooms, twin, disk)
    await second.calls(30)
    const put = await store.put('owner', 'large', 'x'.repeat(200_000)).then(() => 'kept', (error) => `${error.status} ${error.code ?? error.error?.code ?? error.message}`)
    const kept = await store.get('owner', 'before').catch((error) => error.message)
    // A refresh whose tokens cannot be written: the new ones are all there is.
    twin.expireAccessTokens()
    await first.calls(6)
    const full = { first: structuredClone(first.seen), second: structuredClone(second.seen), put, kept }
    rmSync(join(disk, FILLER))
    await new Promise((resolve) => setTimeout(resolve, 3000))
    twin.expireAccessTokens()
    await Promise.all([first.calls(12), second.calls(12)])
    const after = await store.put('owner', 'large', 'x'.repeat(200_000)).then(() => 'kept', (error) => error.message)
    const halves = stopWatching()
    console.log(JSON.stringify({ full, after: { first: first.seen, second: second.seen, put: after }, refreshes: twin.refreshes.map(({ outcome }) => outcome), halves, files: readdirSync(disk) }, null, 1))
    const unsaved = { 'AuthenticationError token_store_unwritable': 6 }
    assert.deepEqual([full.first.failed, full.second.failed, first.seen.failed, second.seen.failed], [unsaved, {}, unsaved, {}])
    assert.deepEqual([full.put.slice(0, 3), full.kept, after, halves], ['503', 'made up', 'kept', []])
    for (const { seen } of [first, second]) assert.ok(seen.slowestMs < MOST_MS, `a call took ${seen.slowestMs} ms`)
    for (const one of [first, second, store]) await one.close()
  } finally {
    await twin.close()
    spawnSync('umount', ['-l', disk])
    rmSync(disk, { recursive: true, force: true })
  }
}

/** Runs itself again with the locks of a folder taken away. */
function withoutLocks() {
  const folder = mkdtempSync(join(tmpdir(), 'no-locks-'))
  try {
    const library = join(folder, 'no-locks.so')
    const compiled = spawnSync('cc', ['-shared', '-fPIC', '-o', library, join(root, 'test/soak/no-locks.c'), '-ldl'], { encoding: 'utf8' })
    if (compiled.status !== 0) return console.log(`skipped: the C compiler made nothing (${compiled.error?.message ?? compiled.stderr})`)
    for (const [name, errno] of [['ENOLCK', 37], ['EOPNOTSUPP', 95]]) {
      console.log(`no locks: ${name}`)
      const home = join(folder, name)
      mkdirSync(home)
      const { status } = spawnSync(process.execPath, [self, '--folder', home], { stdio: 'inherit', timeout: 120_000, env: { ...process.env, LD_PRELOAD: library, NO_LOCKS_UNDER: home, NO_LOCKS_ERRNO: String(errno) } })
      assert.equal(status, 0, `without locks (${name}) it did not end well`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function run(rooms, folder) {
  const twin = await rooms.startTwin({})
  writeFileSync(join(folder, TOKENS), JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  let turnMs = performance.now()
  let stoodMs = 0
  const ticker = setInterval(() => {
    stoodMs = Math.max(stoodMs, performance.now() - turnMs - 20)
    turnMs = performance.now()
  }, 20)
  const stopWatching = watchFiles(folder)
  const one = await open(rooms, twin, folder)
  const other = await open(rooms, twin, folder)
  for (let round = 0; round < 4; round++) {
    await Promise.all([one.calls(10), other.calls(10)])
    twin.expireAccessTokens()
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  const store = await rooms.openResponseStore({ kind: 'sqlite', folder }).then(() => 'opened', (error) => `${error.name}: ${error.message}`)
  clearInterval(ticker)
  const refreshes = twin.refreshes.map(({ outcome }) => outcome)
  const halves = stopWatching()
  console.log(JSON.stringify({ one: one.seen, other: other.seen, refreshes, store, thread_stood_ms: Math.round(stoodMs), halves }, null, 1))
  assert.deepEqual(halves, [])
  assert.ok(stoodMs < 2000, `the thread stood for ${stoodMs} ms`)
  for (const { seen } of [one, other]) {
    assert.deepEqual(seen.failed, {})
    assert.ok(seen.slowestMs < MOST_MS, `a call took ${seen.slowestMs} ms`)
  }
  assert.ok(refreshes.every((outcome) => outcome === 'ok'), 'a refresh token was spent twice')
  for (const part of [one, other]) await part.close()
  await twin.close()
}

const rooms = await loadRooms()
const at = process.argv.indexOf('--folder')
if (at > 0) await run(rooms, process.argv[at + 1])
else {
  await fullDisk(rooms)
  withoutLocks()
}
