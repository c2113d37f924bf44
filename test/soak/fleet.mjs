/**
 * Four hosts, a hundred agents, one subscription: kills, pauses longer than a lease, partitions, a slow Redis, restarts of
 * Redis. Fails where a promise of docs/fleet.md is broken.
 *
 *   node test/soak/fleet.mjs [--seconds 300] [--seed 1] [--agents 100] [--verbose 1]
 */
import { option } from './auth-support.mjs'
import { runFleet } from './run-fleet.mjs'

const seed = option('seed', Math.floor(Date.now() % 1_000_000))
const result = await runFleet({ seconds: option('seconds', 300), seed, agents: option('agents', 100), log: option('verbose', 0) ? (line) => console.log(line) : undefined })
const slowest = Math.max(0, ...result.reclaimMs)
const { reclaimMs, ...shown } = result
console.log(JSON.stringify({ ...shown, overLimit: result.overLimit.length, overLimitFirst: result.overLimit.slice(0, 5), reclaims: reclaimMs.length, slowestReclaimMs: Math.round(slowest) }, null, 1))
const broken = [
  result.overLimit.length > 0 && 'more calls ran than the rule allows',
  result.utilisation < 0.95 && 'less than 95 % of the live places were used',
  slowest >= 5000 && 'a dead place took 5 s or more',
  result.sentTwice > 0 && 'a request was sent twice',
  result.authErrors > 0 && 'a sign-in was lost',
  ...Object.entries(result.fairness).map(([name, { ratio }]) => ratio > 3 && `a session of class ${name} waited ${ratio} times the mean`),
].filter(Boolean)
for (const line of broken) console.log(`BROKEN: ${line}`)
process.exit(broken.length > 0 ? 1 : 0)
