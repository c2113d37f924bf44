/**
 * A parent and eleven children of 200 turns each, forked, reconnected, once summed up and compacted, on the stand-in whose prompt
 * cache counts real common prefixes: what share of the input was cached, and what broke a prefix. Fails under 97 %, a child's first
 * turn under 90 % of what it shares, or where our own bytes broke a prefix. No time limits, so it says the same on a busy machine.
 *
 *   node test/soak/agent-tree.mjs [--turns 200]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { option, table } from './auth-support.mjs'

const turns = option('turns', 200)
const root = fileURLToPath(new URL('../..', import.meta.url))

async function load() {
  const folder = await mkdtemp(join(root, 'node_modules', '.soak-'))
  try {
    const outfile = join(folder, 'tree.mjs')
    await build({ bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile, entryPoints: [join(root, 'test/support/agent-tree.ts')] })
    return await import(outfile)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const { growTree } = await load()
const started = performance.now()
const before = process.cpuUsage()
const { input, cachedShare, firstTurnShare, requests, breaks, compactions, summedUp, keys } = await growTree(turns, (line) => console.error(line))
const spent = process.cpuUsage(before)
const percent = (share) => `${(100 * share).toFixed(1)} %`
// A history that the host sums up, and one that a compaction has put an item in place of, are new on purpose.
const meant = summedUp + compactions.reduce((sum, count) => sum + count)
table([
  ['agents × turns', `12 × ${turns}`],
  ['requests', String(requests)],
  ['tokens of input', String(input)],
  ['of these cached', percent(cachedShare)],
  ['child\'s first turn, of the shared prefix', percent(firstTurnShare)],
  ['compactions', String(meant - summedUp)],
  ['broke off their prefix', `${breaks.length}, of which ${meant} as the host or a compaction meant it`],
  ['cache keys', String(keys.length)],
  ['took', `${Math.round((performance.now() - started) / 1000)} s, ${Math.round((spent.user + spent.system) / 1e6)} s of processor, the stand-in's share in it`],
])
if (breaks.length > meant) console.log(breaks.join('\n'))
process.exitCode = cachedShare >= 0.97 && firstTurnShare >= 0.9 && breaks.length === meant && keys.length === 1 ? 0 : 1
