/**
 * Four hosts, a hundred agents, one subscription: kills, pauses longer than a lease, partitions, a slow Redis, restarts of
 * Redis. Fails where a promise of docs/fleet.md is broken.
 *
 *   node test/soak/fleet.mjs [--seconds 300] [--seed 1] [--agents 100] [--call-ms 4000] [--fault-every-ms 4000] [--verbose 1]
 */
import { loadavg } from 'node:os'
import { option } from './auth-support.mjs'
import { runFleet } from './run-fleet.mjs'

const seed = option('seed', Math.floor(Date.now() % 1_000_000))
const agents = option('agents', 100)
const callMs = option('call-ms', 4000)
const seconds = option('seconds', 300)
const faultEveryMs = option('fault-every-ms', 4000)
const result = await runFleet({ seconds, seed, agents, callMs, faultEveryMs, log: option('verbose', 0) ? (line) => console.log(line) : undefined })
const slowest = Math.max(0, ...result.reclaimMs)
const count = (counts) => Object.entries(counts).map(([name, times]) => `${times} ${name}`).join(', ') || 'none'
const fairness = Object.entries(result.fairness)
/** What the page promises, what was measured, and whether it holds. */
const promises = [
  ['calls beyond the limit, or beyond its share for a host that is cut off', result.overLimit.length, result.overLimit.length === 0],
  ['live places used', `${(100 * result.utilisation).toFixed(1)} %`, result.utilisation >= 0.95],
  ['slowest return of a dead place', `${Math.round(slowest)} ms of ${result.reclaimMs.length}`, slowest < 5000],
  ['requests sent twice', result.sentTwice, result.sentTwice === 0],
  ['sign-ins lost, refresh tokens spent twice', result.authErrors + result.refreshTrouble, result.authErrors + result.refreshTrouble === 0],
  ...fairness.map(([name, { ratio, sessions, meanMs, worstMs }]) => [`worst mean wait of ${sessions} ${name} sessions, by that of all`, `${ratio} (${worstMs} ms, ${meanMs} ms)`, ratio <= 3]),
]
console.log(`seed ${seed}: ${seconds} s, 4 hosts, 8 processes, ${agents} agents, ${result.limit} places, calls of ${callMs} ms: ${result.calls} served, failed: ${count(result.failed)}`)
const faults = Object.values(result.faults).reduce((sum, times) => sum + times, 0)
console.log(`${faults} faults, one every ${(seconds / Math.max(1, faults)).toFixed(1)} s (two hours of these are ${Math.round((7200 * faults) / seconds)}): ${count(result.faults)}; most at once ${result.most}, beside those under way when an outage or a pause began ${result.mostFresh}`)
console.log(`places are judged in ${Math.round(result.judgedMs / 1000)} s without an outage. Without any fault the ledger had given ${(100 * result.given).toFixed(1)} % of them: what is not used of those is on its way between processes, which takes the longer the busier the machine is (load ${loadavg()[1].toFixed(1)})`)
if (result.starved.length > 0) console.log(`the machine gave a process no time for 1.5 s or more ${result.starved.length} times (${Math.round(Math.max(...result.starved.map(({ forMs }) => forMs)))} ms the longest), and ${result.left} left Redis by themselves, which answered too late; run it where processors are free`)
if (result.overWhileStarved > 0) console.log(`${result.overWhileStarved} calls beyond the limit are what a pause allows: by Redis' own account it had taken their process for dead while it ran them, or that process ran its machine's share`)
for (const [what, measured, holds] of promises) console.log(`${holds ? 'holds ' : 'BROKEN'}  ${what.padEnd(74)}  ${measured}`)
for (const one of result.overLimit.slice(0, 5)) console.log(JSON.stringify(one, null, 1))
process.exit(promises.every(([, , holds]) => holds) ? 0 : 1)
