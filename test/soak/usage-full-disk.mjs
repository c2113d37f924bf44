/**
 * Calls on a disk that is full: node test/soak/usage-full-disk.mjs (as root, who may mount a disk of 1 MB). Calls go on at their
 * pace, one warning is told, and what waited is kept once there is room again, each call once.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const CALLS = 1_000
const FILLER = 'filler'
const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url))
const disk = mkdtempSync(join(tmpdir(), 'usage-full-disk-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { encoding: 'utf8' })
if (mounted.status !== 0) {
  console.log(`skipped: no disk could be mounted here (${(mounted.error?.message ?? mounted.stderr).trim()})`)
  process.exit(0)
}
mkdirSync(cache, { recursive: true })
const bundle = join(cache, `usage-disk-${process.pid}.mjs`)
try {
  await build({ entryPoints: [fileURLToPath(new URL('../../src/usage/index.ts', import.meta.url))], bundle: true, format: 'esm', platform: 'node', packages: 'external', outfile: bundle, logLevel: 'error' })
  await run(await import(pathToFileURL(bundle).href))
} finally {
  rmSync(bundle, { force: true })
  spawnSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
}

async function run({ createUsageRecorder, openUsageStore }) {
  const path = join(disk, 'usage.db')
  const warnings = []
  const recorder = createUsageRecorder({ open: () => openUsageStore(path), warn: (message) => warnings.push(message), now: Date.now })
  const route = { requested_model: 'm', resolved_model: 'm', served_model: 'm', provider: 'p', attempts: [], transport_reason: '' }
  const response = { content: [], usage: { input_tokens: 1, output_tokens: 0, total_tokens: 1 } }
  let slowestMs = 0
  const call = async (id) => {
    const start = performance.now()
    recorder.begin({ id: `call-${id}`, sessionId: 's', request: { messages: [] }, route }).ended({ response })
    slowestMs = Math.max(slowestMs, performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const until = async (what, holds) => {
    for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) if (await holds()) return
    assert.fail(`waited a minute in vain until ${what}`)
  }
  await call(0)
  await until('the first call is kept', async () => (await keptCalls(openUsageStore, path)) === 1)
  fill()
  for (let id = 1; id < CALLS; id += 1) await call(id)
  await until('the warning is told', () => warnings.length > 0)
  rmSync(join(disk, FILLER))
  await until('all calls are kept', async () => (await keptCalls(openUsageStore, path)) === CALLS)
  await recorder.close()
  assert.deepEqual(warnings, ['usage is not kept for now: database or disk is full. Calls go on'])
  assert.ok(slowestMs < 50, `a call waited ${slowestMs} ms for the disk`)
  console.log(`${CALLS} calls went on over a full disk, the slowest record took ${slowestMs.toFixed(1)} ms; one warning: "${warnings[0]}"; all kept once there was room, each once`)
}

/** Takes what room there is, down to the last byte. */
function fill() {
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

async function keptCalls(openUsageStore, path) {
  try {
    const store = await openUsageStore(path)
    try {
      return store.totals()[0]?.calls ?? 0
    } finally {
      store.close()
    }
  } catch {
    return undefined // for as long as the disk is full it may not even open
  }
}
