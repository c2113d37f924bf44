/**
 * Role resolutions a second, warm, on one core.
 * `node test/bench/routing.mjs [path of a built routing/index.js]`; default: this package's dist/.
 */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const entry = process.argv[2] ? pathToFileURL(resolve(process.argv[2])).href : new URL('../../dist/routing/index.js', import.meta.url).href
const routing = await import(entry)
const SECONDS = 0.5

const FAMILIES = ['sol', 'luna', 'terra', 'mini', 'codex', 'pro', 'nano', 'astra']
function catalog(size) {
  const ids = ['gpt-5.5', 'gpt-5.4']
  for (let n = 0; ids.length < size; n += 1) ids.push(`gpt-${4 + (n % 97)}.${Math.floor(n / 97)}-${FAMILIES[n % FAMILIES.length]}`)
  return ids.map((id) => ({ id, display_name: id, context_window: 272000, max_output_tokens: 128000, capabilities: [], defaults: {}, metadata: { source: 'live' } }))
}

const matrix = await routing.loadMatrix('openai-chatgpt')
const roles = Object.keys(matrix.roles)

function mounted(size, { fresh = false } = {}) {
  const models = catalog(size)
  return { 'openai-chatgpt': { listModels: async () => (fresh ? [...models] : models) } }
}

async function measure(name, work) {
  for (let n = 0; n < 2_000; n += 1) await work(roles[n % roles.length])
  const start = performance.now()
  let count = 0
  while (performance.now() - start < SECONDS * 1_000) {
    for (let n = 0; n < 500; n += 1) await work(roles[(count + n) % roles.length])
    count += 500
  }
  const perSecond = (count / (performance.now() - start)) * 1_000
  console.log(`| ${name.padEnd(58)} | ${Math.round(perSecond).toLocaleString('en').padStart(10)} | ${(1e6 / perSecond).toFixed(2).padStart(7)} |`)
}

console.log(`| ${'resolution'.padEnd(58)} | ${'roles/s'.padStart(10)} | ${'µs/role'.padStart(7)} |\n|${'-'.repeat(60)}|${'-'.repeat(12)}|${'-'.repeat(9)}|`)
for (const size of [60, 5_000]) {
  const providers = mounted(size)
  const listings = new Map([['openai-chatgpt', routing.createListing(catalog(size))]])
  const resolver = routing.createModelRoleResolver({ matrix, providers: () => providers, verify: 'catalog', exhaustedUntil: () => undefined })
  await measure(`resolveModelRole, ${size} models`, (role) => routing.resolveModelRole(role, matrix.roles, providers))
  await measure(`resolveModelRole verify, ${size} models`, (role) => routing.resolveModelRole(role, matrix.roles, providers, { verify: 'catalog' }))
  await measure(`resolver.resolve verify, ${size} models`, (role) => resolver.resolve(role))
  await measure(`resolveFromListings verify (no waiting), ${size} models`, (role) => routing.resolveFromListings(role, matrix.roles, listings, { verify: 'catalog' }))
  const fresh = mounted(size, { fresh: true })
  await measure(`resolver verify, provider answers a new array, ${size} models`, (role) => routing.resolveModelRole(role, matrix.roles, fresh, { verify: 'catalog' }))
}
