/** Bundles the room and the twin, so that the soaks run on the sources without a build. */
import { mkdtemp, rm } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

export async function loadRooms() {
  const folder = await mkdtemp(join(tmpdir(), 'auth-soak-'))
  const shared = {
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error',
    banner: { js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);" },
    external: ['@napi-rs/keyring', 'esbuild'],
  }
  await build({
    ...shared, outfile: join(folder, 'rooms.mjs'),
    stdin: {
      resolveDir: root, loader: 'ts',
      contents: "export { startTwin } from './src/twin/index.js'\nexport * as auth from './src/auth/index.js'\nexport { startHost } from './test/auth/support/fleet.js'\nexport { createRandom } from './test/auth/support/random.js'\nexport { createTransport } from './src/transport/index.js'\n",
    },
  })
  await build({ ...shared, entryPoints: [join(root, 'test/auth/support/worker.ts')], splitting: true, outdir: folder, outExtension: { '.js': '.mjs' } })
  const rooms = await import(pathToFileURL(join(folder, 'rooms.mjs')).href)
  return { ...rooms, folder, program: { path: join(folder, 'worker.mjs') }, close: () => rm(folder, { recursive: true, force: true }) }
}

export async function startRedis(folder) {
  const probe = createServer()
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => { if (String(chunk).includes('Ready to accept')) resolve() })
    child.once('error', () => reject(new Error('no redis-server is installed')))
    child.once('exit', () => reject(new Error('redis-server ended')))
  })
  return { url: `redis://127.0.0.1:${port}`, stop: () => child.kill('SIGKILL') }
}

/** `--name value` of the command line, as a number where the default is one. */
export function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`)
  if (at < 0) return fallback
  return typeof fallback === 'number' ? Number(process.argv[at + 1]) : typeof fallback === 'boolean' ? true : process.argv[at + 1]
}

export function table(rows) {
  const width = Math.max(...rows.map(([name]) => name.length))
  for (const [name, value] of rows) console.log(`${name.padEnd(width)}  ${value}`)
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
