/**
 * Role resolutions a second on one core, warm; for what a mount costs see mount.mjs. Measured in processor time, so that a busy machine
 * shows nearly what an idle one would: the best and the median of some laps.
 * `node test/bench/routing.mjs [path of a built routing/index.js]`; default: this package's dist/.
 */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const entry = process.argv[2] ? pathToFileURL(resolve(process.argv[2])).href : new URL('../../dist/routing/index.js', import.meta.url).href
const routing = await import(entry)
const LAPS = 7
const LAP_SECONDS = 0.15

const FAMILIES = ['sol', 'luna', 'terra', 'mini', 'codex', 'pro', 'nano', 'astra']
function catalog(size) {
  const ids = ['gpt-6.1-sol', 'gpt-6-luna', 'gpt-5.5', 'gpt-5.4']
  for (let n = 0; ids.length < size; n += 1) ids.push(`gpt-${4 + (n % 97)}.${Math.floor(n / 97)}-${FAMILIES[n % FAMILIES.length]}`)
  return ids.map((id) => ({ id, display_name: id, context_window: 272000, max_output_tokens: 128000, capabilities: [], defaults: {}, metadata: { source: 'live' } }))
}

const matrix = await routing.loadMatrix('openai')
const roles = Object.keys(matrix.roles)
const coordinator = (model) => ({ config: { providers: [{ module: 'provider-openai-chatgpt', id: 'openai-chatgpt', config: { default_model: model, reasoning_effort: 'medium', priority: 0 } }] } })

function mounted(size, { fresh = false } = {}) {
  const models = catalog(size)
  return { 'openai-chatgpt': { listModels: async () => (fresh ? [...models] : models) } }
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** The best of some laps beside their median: what else runs on the machine makes a lap slower, never faster. */
async function measure(name, work) {
  for (let n = 0; n < 20_000; n += 1) await work(roles[n % roles.length])
  const laps = []
  for (let lap = 0; lap < LAPS; lap += 1) {
    const cpuStart = cpuMs()
    let count = 0
    while (cpuMs() - cpuStart < LAP_SECONDS * 1_000) {
      for (let n = 0; n < 2_000; n += 1) await work(roles[(count + n) % roles.length])
      count += 2_000
    }
    laps.push((count / (cpuMs() - cpuStart)) * 1_000)
  }
  laps.sort((left, right) => right - left)
  const [best, middle] = [laps[0], laps[Math.floor(LAPS / 2)]]
  console.log(`| ${name.padEnd(58)} | ${Math.round(best).toLocaleString('en').padStart(11)} | ${(1e6 / best).toFixed(2).padStart(7)} | ${Math.round(middle).toLocaleString('en').padStart(11)} |`)
}

console.log(`| ${'resolution, preset inherited (strict)'.padEnd(58)} | ${'per CPU s'.padStart(11)} | ${'µs/role'.padStart(7)} | ${'median'.padStart(11)} |\n|${'-'.repeat(60)}|${'-'.repeat(13)}|${'-'.repeat(9)}|${'-'.repeat(13)}|`)
for (const size of [60, 5_000]) {
  const providers = mounted(size)
  const open = (model, options) => routing.createModelRoleResolver({ matrix, providers: () => providers, coordinator: coordinator(model), ...options })
  const reference = open('gpt-6.1-sol', {})
  const clamped = open('gpt-5.4-mini', {})
  const verified = open('gpt-6.1-sol', { verify: 'catalog', exhaustedUntil: () => undefined })
  await measure(`reference's rules, ${size} models`, (role) => reference.resolve(role))
  await measure(`reference's rules, every role clamped, ${size} models`, (role) => clamped.resolve(role))
  await measure(`checked against the list, ${size} models`, (role) => verified.resolve(role))
  await measure(`checked, without the preset, ${size} models`, (role) => verified.resolve(role, null, { inherit: 'off' }))
  const fresh = mounted(size, { fresh: true })
  const anew = routing.createModelRoleResolver({ matrix, providers: () => fresh, coordinator: coordinator('gpt-6.1-sol'), verify: 'catalog' })
  await measure(`checked, provider answers a new array, ${size} models`, (role) => anew.resolve(role))
  await measure(`that provider’s own part of it, ${size} models`, () => fresh['openai-chatgpt'].listModels())
}
