/**
 * Kills processes that record calls, at any moment, two at a time on one file, and compares what is kept with what they had told:
 * node test/soak/usage-kill.mjs --rounds 20 [--seed N]. Lost may be the calls of the last second, and nothing may be counted twice.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { createRandom } from './seeded.mjs'

const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url))
const [, , role, bundle, path] = process.argv
if (role === 'child') await record()
else await run()

/** Ends a call every 5 ms and says so, with the time. */
async function record() {
  const { createUsageRecorder, openUsageStore } = await import(bundle)
  const recorder = createUsageRecorder({ open: () => openUsageStore(path), warn: (message) => console.log(`W ${message}`), now: Date.now })
  const route = { requested_model: 'm', resolved_model: 'm', served_model: 'm', provider: 'p', attempts: [], transport_reason: '' }
  const response = { content: [], usage: { input_tokens: 1, output_tokens: 0, total_tokens: 1 } }
  for (let count = 0; ; count++) {
    recorder.begin({ id: `${process.pid}-${count}`, sessionId: String(process.pid), request: { messages: [] }, route }).ended({ response })
    console.log(`E ${Date.now()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function run() {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string' } } })
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6))
  const { next } = createRandom(seed, 'usage kill')
  mkdirSync(cache, { recursive: true })
  const file = join(cache, `usage-${process.pid}.mjs`)
  await build({ entryPoints: [fileURLToPath(new URL('../../src/usage/index.ts', import.meta.url))], bundle: true, format: 'esm', platform: 'node', packages: 'external', outfile: file, logLevel: 'error' })
  const folder = mkdtempSync(join(tmpdir(), 'usage-kill-'))
  const store = join(folder, 'usage.db')
  const { openUsageStore } = await import(pathToFileURL(file).href)
  let lost = 0
  let told = 0
  let warnings = 0
  try {
    for (let round = 0; round < Number(values.rounds); round++) {
      const children = await Promise.all([0, 1].map(() => killOne(pathToFileURL(file).href, store, 300 + next() * 2500)))
      const kept = new Map((await reading(openUsageStore, store)).map(({ name, calls }) => [name, calls]))
      for (const { pid, ends, killedAt, warned } of children) {
        told += ends.length
        warnings += warned
        const have = kept.get(String(pid)) ?? 0
        if (have > ends.length + 1) throw new Error(`seed ${seed}: ${have} kept of ${ends.length} that were told`)
        lost = Math.max(lost, killedAt - (ends[have] ?? killedAt))
      }
    }
    console.log(`seed ${seed}: ${values.rounds} rounds of two processes, ${told} calls; none counted twice; lost at most what ended in the last ${lost} ms; ${warnings} warnings`)
    if (lost > 1000) process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
    rmSync(file, { force: true })
  }
}

async function reading(openUsageStore, store) {
  const opened = await openUsageStore(store)
  try {
    return opened.totals({ by: 'session' })
  } finally {
    opened.close()
  }
}

/** What the child had told by the time it was killed. */
async function killOne(module, store, afterMs) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'child', module, store], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ends = []
  let warned = 0
  let killedAt = Infinity
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('W')) warned++
    else ends.push(Number(line.slice(2)))
    if (ends.length === 1) setTimeout(() => { killedAt = Date.now(); child.kill('SIGKILL') }, afterMs)
  }
  return { pid: child.pid, ends, killedAt, warned }
}
