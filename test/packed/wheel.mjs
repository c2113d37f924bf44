/**
 * Builds the Python package's wheel, installs it into empty environments of each Python that is here, and asks for one
 * answer of the stand-in server: no Node on the PATH, no checkout, an empty working directory. `node test/packed/wheel.mjs DIST`.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const dist = resolve(process.argv[2] ?? 'dist')
const root = join(dist, '..')
const VERSIONS = ['3.11', '3.12', '3.13']
const SESSION = `
import asyncio, json, os, sys
from amplifier_module_openai_chatgpt import ChatGPTProvider, trust_config

trust_config()
from amplifier_core.message_models import ChatRequest, Message

async def main():
    provider = ChatGPTProvider(config=json.loads(sys.argv[1]))
    answer = await provider.complete(ChatRequest(messages=[Message(role="user", content="hello from an empty folder")]))
    print("".join(block.text for block in answer.content if block.type == "text"))
    await provider.close()

asyncio.run(main())
`

/** The interpreter of a version, or undefined. */
async function findPython(version) {
  const versions = join(homedir(), '.pyenv', 'versions')
  let own = []
  try {
    own = readdirSync(versions).filter((name) => name.startsWith(`${version}.`)).map((name) => join(versions, name, 'bin', 'python'))
  } catch {
    // No pyenv here.
  }
  for (const python of [...own, `python${version}`]) {
    const found = await run(python, ['-c', 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])']).catch(() => undefined)
    if (found?.stdout.trim() === version) return python
  }
  return undefined
}

function sizeOf(folder) {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    return sum + (entry.isDirectory() ? sizeOf(path) : entry.isFile() ? statSync(path).size : 0)
  }, 0)
}

async function answers(python, version, wheel, folder, config) {
  const place = join(folder, version)
  const empty = join(place, 'empty')
  mkdirSync(join(empty, '.amplifier'), { recursive: true })
  // Settings that only the whole reader of YAML reads, which the sidecar has bundled.
  writeFileSync(join(empty, '.amplifier', 'settings.yaml'), 'config:\n  providers:\n    - module: provider-openai-chatgpt\n      config: &ours { default_model: gpt-5.5 }\n')
  await run(python, ['-m', 'venv', join(place, 'venv')])
  const own = join(place, 'venv', 'bin', 'python')
  const started = Date.now()
  await run(own, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', wheel])
  const seconds = Math.round((Date.now() - started) / 1000)
  const env = { ...process.env, PATH: join(place, 'venv', 'bin'), HOME: empty }
  const nodes = readdirSync(env.PATH).filter((name) => name.startsWith('node'))
  if (nodes.length > 0) throw new Error(`the environment has ${nodes.join(', ')} on its PATH`)
  const asked = Date.now()
  const { stdout } = await run(own, ['-c', SESSION, JSON.stringify(config)], { cwd: empty, env })
  if (!stdout.includes('hello from an empty folder')) throw new Error(`Python ${version} got another answer: ${stdout}`)
  const { stdout: help } = await run(join(env.PATH, 'amplifier-chatgpt'), ['--version'], { cwd: empty, env })
  // The whole writer of settings files, which nothing above needs.
  const { stdout: used } = await run(join(env.PATH, 'amplifier-chatgpt'), ['routing', 'use', 'openai-chatgpt', '--amplifier'], { cwd: empty, env })
  console.log(used.trim())
  console.log(`Python ${version}: installed in ${seconds} s, ${Math.round(sizeOf(join(place, 'venv')) / 1e6)} MB, answered ${Date.now() - asked} ms after its start, command line ${help.trim()}`)
}

const { startTwin } = await import(pathToFileURL(join(dist, 'twin', 'index.js')).href)
const folder = mkdtempSync(join(tmpdir(), 'amplifier-wheel-'))
const twin = await startTwin()
try {
  const tokens = join(folder, 'tokens.json')
  writeFileSync(tokens, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokens }
  const pythons = []
  for (const version of VERSIONS) {
    const python = await findPython(version)
    if (python) pythons.push([python, version])
    else console.log(`skipped: no Python ${version} here`)
  }
  if (pythons.length === 0) process.exit(0)
  const source = join(folder, 'source')
  cpSync(join(root, 'python'), source, { recursive: true })
  await run(pythons[0][0], ['-m', 'pip', 'wheel', '--quiet', '--disable-pip-version-check', '--no-deps', '--wheel-dir', folder, source])
  rmSync(source, { recursive: true })
  const wheel = join(folder, readdirSync(folder).find((name) => name.endsWith('.whl')))
  console.log(`the wheel: ${Math.round(statSync(wheel).size / 1000)} KB`)
  for (const [python, version] of pythons) await answers(python, version, wheel, folder, config)
} finally {
  await twin.close()
  rmSync(folder, { recursive: true, force: true })
}
