/**
 * Import plus mount against `import('undici')` alone, each in a fresh process: `node startup.mjs [REPEATS]`, answers JSON
 * in ms. The coordinator is the least a host can be, so that nothing of ours is loaded before the clock starts.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { DIST, writeTokenFile } from './mount-ours.mjs'

const UNDICI = `const start = performance.now()
await import('undici')
console.log(performance.now() - start)`

const ours = (tokenFile) => `
const nothing = () => undefined
const coordinator = {
  config: {}, sessionId: 's', parentId: null, cancellation: { isCancelled: false, onCancel: nothing },
  hooks: { register: () => nothing, emit: async () => ({ action: 'continue' }) },
  mount: nothing, unmount: nothing, get: nothing, registerCapability: nothing, getCapability: nothing,
  registerContributor: nothing, collectContributions: nothing, registerCleanup: nothing,
}
const config = { base_url: 'http://127.0.0.1:9', issuer: 'http://127.0.0.1:9', token_file_path: ${JSON.stringify(tokenFile)}, login_on_mount: false }
const start = performance.now()
const { mount } = await import(${JSON.stringify(new URL('index.js', DIST).href)})
const imported = performance.now()
if (await mount(coordinator, config) === null) throw new Error('not mounted')
console.log(performance.now() - start, imported - start)
process.exit(0)`

function time(program) {
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return stdout.trim().split(' ').map(Number)
}

const median = (values) => values.sort((left, right) => left - right)[values.length >> 1]

/** Medians of `repeats` processes of either kind in turn. */
export function measureStartup(repeats) {
  const program = ours(writeTokenFile())
  const taken = { undici: [], import: [], mount: [] }
  for (let n = 0; n < repeats; n++) {
    taken.undici.push(time(UNDICI)[0])
    const [whole, imported] = time(program)
    taken.mount.push(whole)
    taken.import.push(imported)
  }
  const undici_ms = median(taken.undici)
  const mount_ms = median(taken.mount)
  return { undici_ms, import_ms: median(taken.import), mount_ms, ratio: mount_ms / undici_ms }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(measureStartup(Number(process.argv[2] ?? 15))))
