/**
 * Builds the caller in Rust: `node test/rust-kernel/build.mjs`. The kernel's crate comes out of the source distribution
 * that requirements.txt pins; everything lies in node_modules/.cache. 30 s on two cores, none where it is built.
 * Without Python, cargo or their registries it says so, leaves no program behind and ends with 1.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const cache = join(here, '..', '..', 'node_modules', '.cache', 'amplifier-rust')
const source = join(cache, 'source')
const pin = join(here, 'requirements.txt')
/** the pin that the source was unpacked for */
const mark = join(source, 'requirements.txt')
const windows = process.platform === 'win32'
/** A registry that hangs must not hold the tests up. */
const LIMIT_MS = 240_000

function run(command, args, options = {}) {
  execFileSync(command, args, { cwd: here, timeout: LIMIT_MS, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options })
}

function unpack() {
  const folder = mkdtempSync(join(cache, 'unpack-'))
  try {
    const venv = join(folder, 'venv')
    run(process.env.PYTHON ?? 'python3', ['-m', 'venv', venv])
    const download = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--no-binary', ':all:', '--no-build-isolation']
    run(join(venv, windows ? 'Scripts/python.exe' : 'bin/python'), [...download, '--requirement', pin, '--dest', folder], {
      env: { ...process.env, PYTHONPATH: join(here, 'metadata'), PYTHONDONTWRITEBYTECODE: '1' },
    })
    const archive = readdirSync(folder).find((name) => name.endsWith('.tar.gz'))
    run('tar', ['xzf', archive], { cwd: folder })
    const unpacked = join(folder, archive.slice(0, -'.tar.gz'.length))
    // Where protoc is installed, it makes the stubs anew from a proto file that the distribution lacks.
    rmSync(join(unpacked, 'crates', 'amplifier-core', 'build.rs'))
    cpSync(pin, join(unpacked, 'requirements.txt'))
    rmSync(source, { recursive: true, force: true })
    renameSync(unpacked, source)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const program = join(cache, 'target', 'debug', windows ? 'rust-kernel.exe' : 'rust-kernel')
const started = Date.now()
try {
  run('cargo', ['--version'])
  mkdirSync(cache, { recursive: true })
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== readFileSync(pin, 'utf8')) unpack()
  process.stdout.write("building the caller with the Rust kernel's crate\n")
  run('cargo', ['build', '--quiet', '--locked'])
  process.stdout.write(`built in ${Math.round((Date.now() - started) / 1000)} s\n`)
} catch (error) {
  rmSync(program, { force: true })
  process.stdout.write(`no Rust kernel: ${String(error.message).slice(0, 2000)}\n`)
  process.exitCode = 1
}
