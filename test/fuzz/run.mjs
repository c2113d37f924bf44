/**
 * Mutated answers over both transports and mutated refresh replies, for as long as it is told. What goes wrong is named
 * by its seed and number, which show it again.
 *
 *   npm run fuzz -- [--seed 1] [--minutes 5] [--streams 200000] [--refreshes 2000] [--only N | --refresh N]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { option, table } from '../soak/auth-support.mjs'
import { measureHeap, watchLeftovers } from '../soak/leftovers.mjs'
import { fuzzRefreshes } from './refreshes.mjs'
import { fuzzStreams } from './streams.mjs'

const seed = option('seed', Math.floor(Date.now() % 1_000_000))
const minutes = option('minutes', 5)
const streams = option('streams', 200_000)
const refreshes = option('refreshes', 2000)
const only = option('only', -1)
const refresh = option('refresh', -1)
const root = fileURLToPath(new URL('../..', import.meta.url))
/** Questions after which code is compiled and what is remembered has come to its bounds. */
const SETTLED = 2000

async function loadRooms() {
  const folder = await mkdtemp(join(root, 'node_modules', '.fuzz-'))
  await build({
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile: join(folder, 'rooms.mjs'),
    stdin: {
      resolveDir: root, loader: 'ts',
      contents: [
        "export { mountOnHost } from './src/mount-on-host.js'", "export { isLLMError } from './src/contract/index.js'", "export { delay } from './src/lib/index.js'",
        "export { createCredentialSource, createFileStore, createLane } from './src/auth/index.js'", "export { createTransport } from './src/transport/index.js'",
      ].join('\n'),
    },
  })
  const rooms = await import(join(folder, 'rooms.mjs'))
  await rm(folder, { recursive: true, force: true })
  return rooms
}

const rooms = await loadRooms()
const leftovers = watchLeftovers()
const startedMs = performance.now()
const deadline = startedMs + minutes * 60_000
let early
const sampled = (count) => {
  if (count === SETTLED) void measureHeap().then((bytes) => { early = bytes })
  return count < streams && performance.now() < deadline
}
console.log(`seed ${seed}`)
const none = { asked: 0, outcomes: {}, wrong: [] }
const replies = only >= 0 ? none : await fuzzRefreshes(rooms, { seed, more: (count) => count < refreshes && performance.now() < deadline, ...(refresh >= 0 ? { only: refresh } : {}) })
const answers = refresh >= 0 ? none : await fuzzStreams(rooms, { seed, more: sampled, ...(only >= 0 ? { only } : {}) })
const heap = await measureHeap()
const held = await leftovers.read()
const wrong = [...replies.wrong, ...answers.wrong, ...[...held.resources, ...held.listeners].map((what) => `left open: ${what}`)]
if (early !== undefined && heap > early * 1.15 + 8 * 1048576) wrong.push(`the heap has grown from ${early} to ${heap} bytes`)

const listing = (counts) => Object.entries(counts).sort(([, one], [, other]) => other - one).map(([name, count]) => `${name} ${count}`).join(', ') || 'none'
table([
  ['refresh replies', `${replies.asked}: ${listing(replies.outcomes)}`],
  ['streams', `${answers.asked}: ${listing(answers.outcomes)}`],
  ['heap, MB', `${early === undefined ? '-' : (early / 1048576).toFixed(1)} after ${SETTLED}, ${(heap / 1048576).toFixed(1)} at the end`],
  ['seconds', ((performance.now() - startedMs) / 1000).toFixed(0)],
  ['wrong', String(wrong.length)],
])
for (const line of wrong.slice(0, 30)) console.log(line)
process.exitCode = wrong.length === 0 ? 0 : 1
