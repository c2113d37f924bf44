/**
 * What admission by forecast comes to, over many eight-hour traces, beside the same without it:
 * node test/soak/admission.mjs --traces 40 [--seed N] [--each]
 */
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { buildDemand, runTrace } from './admission-traces.mjs'

const { outputFiles: [{ text }] } = await build({
  stdin: { resolveDir: new URL('../../src/account/', import.meta.url).pathname, loader: 'ts', contents: "export { createQuota } from './quota.js'; export { createQuotaAdmission } from './quota-admission.js'" },
  bundle: true, format: 'esm', platform: 'node', write: false,
})
const { createQuota, createQuotaAdmission } = await import(`data:text/javascript,${encodeURIComponent(text)}`)
const { values } = parseArgs({ options: { traces: { type: 'string', default: '40' }, seed: { type: 'string' }, each: { type: 'boolean', default: false } } })
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6))
const start = Date.UTC(2026, 10, 20, 8)
const traces = Array.from({ length: Number(values.traces) }, (_, index) => {
  const demand = buildDemand(seed + index)
  return { demand, on: runTrace({ createQuota, createAdmission: createQuotaAdmission }, demand, start), off: runTrace({ createQuota }, demand, start) }
})
if (values.each) for (const { demand: { calls, ...demand }, on, off } of traces) console.log(JSON.stringify({ ...demand, calls: calls.length, on, off }))
const sum = (side, key) => traces.reduce((total, trace) => total + trace[side][key], 0)
const lasting = traces.filter(({ demand }) => demand.sufficed).map(({ on }) => on.usedAtReset)
const full = lasting.filter((used) => used >= 95).length
console.log(`seed ${seed}, ${traces.length} traces: essential turns refused ${sum('on', 'essentialRefused')} of ${sum('on', 'essential')} (off: ${sum('off', 'essentialRefused')}); other turns refused ${sum('on', 'refused')} (off: ${sum('off', 'refused')}); ` +
  `window at its reset 95 % or more in ${full} of the ${lasting.length} whose demand held on to it, ${Math.min(...lasting).toFixed(1)} % at least; ${sum('on', 'steppedDown')} turns a tier lower, ${sum('on', 'asAsked')} as asked; ${(sum('on', 'waitedMs') / 3_600_000 / traces.length).toFixed(2)} h waited a trace, ${(sum('on', 'switches') / traces.length).toFixed(1)} changes of tier`)
process.exitCode = sum('on', 'essentialRefused') > 0 || full < 0.95 * lasting.length ? 1 : 0
