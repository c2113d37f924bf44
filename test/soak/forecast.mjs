/**
 * How far off "runs out at" is an hour ahead, over many eight-hour traces: node test/soak/forecast.mjs --traces 200 [--seed N]
 * `--uneven`: of work that comes in bursts, pauses for all agents at once, and has roles of very different weight.
 */
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { buildDemand, tellDemand } from './admission-traces.mjs'
import { buildQuotaTrace, forecastAnHourAhead } from './quota-traces.mjs'

const { outputFiles: [{ text }] } = await build({
  entryPoints: [new URL('../../src/account/quota.ts', import.meta.url).pathname], bundle: true, format: 'esm', platform: 'node', write: false,
})
const { createQuota } = await import(`data:text/javascript,${encodeURIComponent(text)}`)
const { values } = parseArgs({ options: { traces: { type: 'string', default: '200' }, seed: { type: 'string' }, uneven: { type: 'boolean', default: false } } })
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6))
const count = Number(values.traces)
const start = Date.UTC(2026, 10, 20, 8)
const traceOf = (of) => (values.uneven ? tellDemand(buildDemand(of), start) : buildQuotaTrace(of, start))
const forecasts = Array.from({ length: count }, (_, index) => forecastAnHourAhead(createQuota, traceOf(seed + index)))
const off = forecasts.map(({ offMinutes }) => Math.abs(offMinutes)).sort((left, right) => left - right)
const at = (share) => off[Math.min(off.length - 1, Math.floor(share * off.length))]?.toFixed(1)
const within = off.filter((minutes) => minutes <= 6).length
const covered = forecasts.filter(({ offMinutes, errorMinutes }) => Math.abs(offMinutes) <= (errorMinutes ?? 0)).length
console.log(`seed ${seed}: ${within} of ${count} within 6 minutes (${((100 * within) / count).toFixed(1)} %); off by ${at(0.5)} min in half, ${at(0.9)} in nine of ten, ${at(1)} at most; within its own error ${((100 * covered) / count).toFixed(1)} %`)
