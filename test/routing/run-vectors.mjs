/**
 * node test/routing/run-vectors.mjs FILE — runs the routing vectors of FILE through the built package's public
 * functions, `session` on its host; prints a line a kind and last `A/B vectors agree`, exits 0 only if all agree.
 * It holds no rule of routing: it hands inputs in and names fields as the vectors do.
 */
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { createRunner, KINDS } from './vector-kinds.mjs'

const file = process.argv[2]
if (!file) {
  console.error('usage: node test/routing/run-vectors.mjs FILE')
  process.exit(2)
}
const [routing, host] = await Promise.all(['routing', 'host'].map((entry) => import(new URL(`../../dist/${entry}/index.js`, import.meta.url).href)))
const runner = createRunner(routing, host)
const vectors = JSON.parse(readFileSync(file, 'utf8'))
const shown = Number(process.env.SHOW ?? 3)
let agreed = 0
let total = 0
for (const [kind, list] of Object.entries(vectors)) {
  if (!Array.isArray(list)) continue
  let same = 0
  const differing = []
  for (const [place, vector] of list.entries()) {
    const { expected, actual } = await runner.run(kind, vector)
    if (isDeepStrictEqual(actual, expected)) same += 1
    else differing.push({ place, expected, actual })
  }
  agreed += same
  total += list.length
  console.log(`${kind.padEnd(16)} ${String(same).padStart(4)}/${list.length}${KINDS.has(kind) ? '' : '  (no such kind here)'}`)
  for (const { place, expected, actual } of differing.slice(0, shown)) {
    console.log(`  ${kind}[${place}]\n    expected ${JSON.stringify(expected)}\n    actual   ${JSON.stringify(actual)}`)
  }
}
console.log(`${agreed}/${total} vectors agree`)
process.exitCode = agreed === total && total > 0 ? 0 : 1
