/**
 * What mounting the routing hook costs a session whose search path holds the three matrices that the reference ships for OpenAI
 * models, told apart by their scope, each a file of the user's. `node test/bench/mount.mjs [PROCESSES]`; medians of that many
 * fresh ones.
 *
 * `import` loads the package's routing and its host, `first` is a process's first mount (with what it loads on the way),
 * `second` the next one, `warm` the median of the 20 after it, and `three` that of a mount of each of the three. CPU counts every
 * thread of the process.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DIST } from './mount-ours.mjs'

const NAMES = ['openai', 'openai-api', 'openai-chatgpt']
const SCOPES = ['', '\nprovider_module_allowlist: [provider-openai]\n', '\nprovider_module_allowlist: [provider-openai-chatgpt]\n']
const WARM_LAPS = 20
const median = (values) => values.sort((left, right) => left - right)[values.length >> 1]

async function measureOnce(folder) {
  let cpuStart = process.cpuUsage()
  let start = performance.now()
  const lap = () => {
    const { user, system } = process.cpuUsage(cpuStart)
    const taken = { cpu: (user + system) / 1_000, wall: performance.now() - start }
    cpuStart = process.cpuUsage()
    start = performance.now()
    return taken
  }
  const { mountRoutingHook } = await import(new URL('routing/index.js', DIST).href)
  const { createHost } = await import(new URL('host/index.js', DIST).href)
  const imported = lap()
  const config = { providers: [{ module: 'provider-openai-chatgpt', id: 'openai-chatgpt', config: { default_model: 'gpt-6.1-sol', reasoning_effort: 'medium', priority: 0 } }] }
  const mountEach = async (names) => {
    for (const name of names) {
      const { coordinator } = createHost({ config, warn: () => undefined })
      await coordinator.mount('providers', { listModels: async () => [] }, { name: 'openai-chatgpt' })
      const { resolver } = await mountRoutingHook(coordinator, { default_matrix: name, custom_routing_dirs: [folder] })
      if (resolver?.known_roles.length !== 14 && resolver?.known_roles.length !== 13) throw new Error(`${name} was not mounted`)
    }
    return lap()
  }
  const medianLap = async (names) => {
    const laps = []
    for (let n = 0; n < WARM_LAPS; n += 1) laps.push(await mountEach(names))
    return { cpu: median(laps.map(({ cpu }) => cpu)), wall: median(laps.map(({ wall }) => wall)) }
  }
  const one = NAMES.slice(0, 1)
  return { import: imported, first: await mountEach(one), second: await mountEach(one), warm: await medianLap(one), three: await medianLap(NAMES) }
}

async function measureAll(processes) {
  const folder = mkdtempSync(join(tmpdir(), 'mount-bench-'))
  try {
    const { readMatrixSource } = await import(new URL('routing/index.js', DIST).href)
    const { text } = await readMatrixSource('openai')
    for (const [place, name] of NAMES.entries()) writeFileSync(join(folder, `${name}.yaml`), `# of a user\n${text}${SCOPES[place]}`)
    const runs = Array.from({ length: processes }, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--once', folder], { encoding: 'utf8' })
      if (status !== 0) throw new Error(stderr)
      return JSON.parse(stdout)
    })
    console.log(`| mount, three matrices in reach, ${processes} processes | CPU ms, best | median | wall ms, best | median |\n|---|---|---|---|---|`)
    for (const step of ['import', 'first', 'second', 'warm', 'three']) {
      const [cpu, wall] = ['cpu', 'wall'].map((kind) => runs.map((run) => run[step][kind]).sort((left, right) => left - right))
      console.log(`| ${[step, cpu[0].toFixed(1), median(cpu).toFixed(1), wall[0].toFixed(1), median(wall).toFixed(1)].join(' | ')} |`)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[2] === '--once') console.log(JSON.stringify(await measureOnce(process.argv[3])))
else await measureAll(Number(process.argv[2] ?? 9))
