/**
 * Other clients of the same wire, for comparison: each is installed by npm into a folder of its own under
 * node_modules/.cache, and never becomes a dependency of ours.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/bench-peers/', import.meta.url))

export const PEERS = {
  pi: { label: 'pi-ai', name: '@earendil-works/pi-ai', range: '0.74.2', entry: '@earendil-works/pi-ai/openai-codex-responses' },
  aisdk: { label: 'AI SDK (model only)', name: '@ai-sdk/openai', range: '^3.0.0', entry: '@ai-sdk/openai' },
  openai: { label: 'OpenAI SDK', name: 'openai', range: '^6.0.0', entry: 'openai' },
}

const folderOf = (peer) => join(CACHE, peer)

/** The peer's own module, loaded from where it was installed. */
export const importPeer = async (peer) => (await import(pathToFileURL(join(folderOf(peer), 'entry.mjs')).href)).default

/** Installs it where it isn't yet. Answers its version, or why there is none. */
export function installPeer(peer) {
  const { name, range, entry } = PEERS[peer]
  const folder = folderOf(peer)
  const manifest = join(folder, 'node_modules', name, 'package.json')
  if (!existsSync(manifest)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
    const { status, stderr } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save', `${name}@${range}`], {
      cwd: folder, encoding: 'utf8', shell: process.platform === 'win32',
    })
    if (status !== 0 || !existsSync(manifest)) return { failure: /npm error (.*)/.exec(stderr)?.[1] ?? `npm ended with ${status}` }
  }
  writeFileSync(join(folder, 'entry.mjs'), `import * as peer from '${entry}'\nexport default peer\n`)
  return { version: JSON.parse(readFileSync(manifest, 'utf8')).version }
}
