/**
 * Mounts our Python package in real sessions again and again, four at once, and kills whole hosts in between: at the
 * end no sidecar is left. Needs Python with a registry or with what the gRPC tests have installed.
 *
 *   node test/soak/grpc-mounts.mjs [--mounts 100] [--kills 3]
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { option, table } from './auth-support.mjs'

const mounts = option('mounts', 100)
const kills = option('kills', 3)
const root = fileURLToPath(new URL('../..', import.meta.url))
const script = join(root, 'test', 'grpc', 'amplifier_session.py')

async function load() {
  // Two folders deep like test/support, so that the root it reckons from its own place is the same.
  const folder = await mkdtemp(join(root, 'node_modules', '.soak-'))
  await build({
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile: join(folder, 'rooms.mjs'),
    stdin: {
      resolveDir: root, loader: 'ts',
      contents: "export { startTwin } from './src/twin/index.js'\nexport { buildCommandLine, preparePython } from './test/support/amplifier-python.js'\n",
    },
  })
  const rooms = await import(join(folder, 'rooms.mjs'))
  return { ...rooms, folder }
}

/** Every sidecar of this run, whoever its parent is by now. */
function listSidecars(main) {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
  return stdout.split('\n').filter((line) => line.includes(main) && line.includes('serve --grpc') && !line.includes('amplifier_session.py'))
}

async function waitForNone(main, limitMs) {
  const started = performance.now()
  while (listSidecars(main).length > 0 && performance.now() - started < limitMs) await sleep(50)
  return performance.now() - started
}

const rooms = await load()
const prepared = await rooms.preparePython()
if (prepared.reason) {
  console.log(`skipped: ${prepared.reason}`)
  await rm(rooms.folder, { recursive: true, force: true })
  process.exit(0)
}
const main = await rooms.buildCommandLine('soak')
const twin = await rooms.startTwin()
const folder = await mkdtemp(join(tmpdir(), 'soak-grpc-'))
const tokens = join(folder, 'tokens.json')
await writeFile(tokens, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
const config = JSON.stringify({ sidecar_command: [process.execPath, main], base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokens, transport: 'sse' })
const startHost = () => spawn(prepared.python, [script, config, 'many_mounts_leave_no_orphan'], {
  stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, MOUNTS: String(Math.ceil(mounts / 4)), CHECK_SECONDS: '600' },
})
const wrong = []

const started = performance.now()
const host = startHost()
let said = ''
host.stdout.on('data', (bytes) => { said += String(bytes) })
await once(host, 'close')
const outcome = said ? JSON.parse(said) : { failure: 'the host said nothing' }
if (outcome.failure) wrong.push(outcome.failure)
const seconds = (performance.now() - started) / 1000
const leftByMounts = listSidecars(main)
wrong.push(...leftByMounts.map((line) => `left after cleanup: ${line.trim()}`))

const ended = []
for (let kill = 0; kill < kills; kill++) {
  const victim = startHost()
  const deadline = performance.now() + 20_000
  while (listSidecars(main).length === 0 && performance.now() < deadline) await sleep(50)
  const running = listSidecars(main).length
  if (running === 0) wrong.push('no sidecar came up before the kill')
  victim.kill('SIGKILL')
  await once(victim, 'close')
  ended.push(await waitForNone(main, 5_000))
  wrong.push(...listSidecars(main).map((line) => `left after the host was killed: ${line.trim()}`))
}

await twin.close()
for (const path of [folder, rooms.folder]) await rm(path, { recursive: true, force: true })
table([
  ['mounts', String(Math.ceil(mounts / 4) * 4)],
  ['took', `${seconds.toFixed(1)} s`],
  ['sidecars left', String(leftByMounts.length)],
  ['hosts killed', String(kills)],
  ['last sidecar gone after', ended.map((ms) => `${Math.round(ms)} ms`).join(', ') || '-'],
  ['wrong', String(wrong.length)],
])
for (const line of wrong) console.log(line)
process.exitCode = wrong.length === 0 ? 0 : 1
