/**
 * Generated answers with missing, doubled, reordered and cut events: stream, hook events and response must say the same.
 * All of them through the reader, a share through the whole provider over SSE and over WebSocket.
 *
 *   node test/soak/answers.mjs [--count 200000] [--share 10000] [--seed 1]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { option } from './auth-support.mjs'
import { readAnswers } from './read-answers.mjs'
import { playAnswers } from './play-answers.mjs'

const count = option('count', 200_000)
const share = option('share', Math.min(count, 10_000))
const seed = option('seed', Math.floor(Date.now() % 1_000_000))
const root = fileURLToPath(new URL('../..', import.meta.url))

async function loadParts() {
  const folder = await mkdtemp(join(root, 'node_modules', '.soak-'))
  const contents = "export { createHost } from './src/host/index.js'\nexport { createModule } from './src/index.js'\nexport { AnswerReader, decodeEvent, readOtherEvent } from './src/responses/index.js'\n"
  try {
    await build({ bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile: join(folder, 'parts.mjs'), stdin: { resolveDir: root, loader: 'ts', contents } })
    return await import(join(folder, 'parts.mjs'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const parts = await loadParts()
const results = [['reader', count, () => readAnswers(parts, { seed, count })]]
for (const transport of ['sse', 'websocket']) results.push([transport, share, () => playAnswers(parts, { seed, count: share, transport })])
let failed = false
for (const [name, number, run] of results) {
  const started = performance.now()
  const differences = await run()
  console.log(`${name}: ${number} answers, ${differences.length} differences, ${((performance.now() - started) / 1000).toFixed(0)} s (seed ${seed})`)
  for (const words of differences.slice(0, 10)) console.log(`  ${words}`)
  failed ||= differences.length > 0
}
process.exit(failed ? 1 : 0)
