/**
 * Processes that take the file lock in turn while others of them are killed (SIGKILL) all the time:
 * never two inside at once, and nobody waits for the dead.
 *
 *   node test/soak/auth-lock.mjs [--processes 8] [--seconds 40]
 */
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { option, table } from './auth-support.mjs'

const processes = option('processes', 8)
const seconds = option('seconds', 40)
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const folder = await mkdtemp(join(tmpdir(), 'auth-lock-'))
const worker = join(folder, 'worker.mjs')
await build({ entryPoints: [join(root, 'test/auth/support/lock-worker.ts')], bundle: true, platform: 'node', format: 'esm', target: 'node20', outfile: worker, logLevel: 'error' })
await writeFile(join(folder, 'count'), '0')
await writeFile(join(folder, 'log'), '')
const workers = []
const start = () => workers.push(fork(worker, [folder], { stdio: 'inherit' }))
for (let index = 0; index < processes; index += 1) start()
let kills = 0
const until = Date.now() + seconds * 1000
while (Date.now() < until) {
  await new Promise((resolve) => setTimeout(resolve, 100 + 150 * Math.random()))
  const [victim] = workers.splice(Math.floor(Math.random() * workers.length), 1)
  victim.kill('SIGKILL')
  kills += 1
  start()
}
await Promise.all(workers.map((each) => new Promise((resolve) => {
  each.once('exit', resolve)
  each.kill('SIGKILL')
})))
const turns = (await readFile(join(folder, 'log'), 'utf8')).length
const violations = existsSync(join(folder, 'violations')) ? (await readFile(join(folder, 'violations'), 'utf8')).trim().split('\n').length : 0
table([
  ['processes', String(processes)],
  ['kills', String(kills)],
  ['turns', String(turns)],
  ['counted under the lock', await readFile(join(folder, 'count'), 'utf8')],
  ['two inside at once', String(violations)],
])
await rm(folder, { recursive: true, force: true })
process.exitCode = violations === 0 && turns > 0 ? 0 : 1
