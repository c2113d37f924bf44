import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { withFileLock } from '../../src/lib/index.js'

const run = promisify(execFile)
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const cache = join(root, 'node_modules', '.cache', 'amplifier-python')
const source = join(root, 'python')

/** The releases of amplifier-core that our package is run against: the newest, and the oldest that it takes. */
export const KERNELS = ['2.0.2', '1.6.1'] as const

/** The Python with amplifier-core and our package in it, or the reason why there is none. Test files that want the same one at once wait for the first. */
export async function preparePython(version: string = KERNELS[0]): Promise<{ python: string } | { reason: string }> {
  const venv = join(cache, `kernel-${version}`)
  mkdirSync(cache, { recursive: true })
  return withFileLock({ folder: `${venv}.lock`, place: venv, waitMs: 600_000 }, () => prepareIn(venv, version))
}

async function prepareIn(venv: string, version: string): Promise<{ python: string } | { reason: string }> {
  const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  const pip = (...args: string[]) => run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...args])
  try {
    if (!existsSync(python)) await run(process.env.PYTHON ?? 'python3', ['-m', 'venv', venv])
    const has = await run(python, ['-c', 'import importlib.metadata as m, grpc, google.protobuf; print(m.version("amplifier-core"))']).then(({ stdout }) => stdout.trim(), () => '')
    if (has !== version) await pip(`amplifier-core==${version}`, 'grpcio', 'protobuf')
    if (!existsSync(join(source, 'amplifier_module_openai_chatgpt', '_sidecar', 'shown-options.json'))) await run(process.execPath, ['build.config.mjs', 'sidecar'], { cwd: root })
    const mark = join(venv, 'source.sha256')
    const digest = digestOf(source)
    if (!existsSync(mark) || readFileSync(mark, 'utf8') !== digest) {
      // pip builds beside the source; a copy keeps the checkout clean.
      const copy = mkdtempSync(join(tmpdir(), 'amplifier-python-'))
      try {
        cpSync(source, copy, { recursive: true })
        await pip('--no-deps', '--force-reinstall', copy)
      } finally {
        rmSync(copy, { recursive: true, force: true })
      }
      writeFileSync(mark, digest)
    }
    return { python }
  } catch (error) {
    return { reason: `no Python with amplifier-core ${version}: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}` }
  }
}

function digestOf(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (/(\.py|\.toml|(config-fields|shown-options)\.json)$/.test(name)) hash.update(name).update(readFileSync(join(folder, name)))
  }
  return hash.digest('hex')
}

/** The command line built from the sources as they are, so that a test doesn't depend on dist/. Answers its main file. */
export async function buildCommandLine(name: string): Promise<string> {
  const folder = join(cache, `build-${name}`)
  mkdirSync(folder, { recursive: true })
  for (const part of ['schemas', 'routing', 'package.json']) cpSync(join(root, part), join(folder, part), { recursive: true })
  await build({
    absWorkingDir: root, entryPoints: { 'cli/main': 'src/cli/main.ts' }, outdir: join(folder, 'dist'), chunkNames: 'chunks/[name]-[hash]',
    bundle: true, splitting: true, packages: 'external', format: 'esm', platform: 'node', target: 'node20.18', logLevel: 'error',
  })
  return join(folder, 'dist', 'cli', 'main.js')
}
