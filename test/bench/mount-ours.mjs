/** The built package, mounted on its own in-memory host with a made-up sign-in, as a program would have it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The built package; `BENCH_DIST` names another build to hold against it. */
export const DIST = process.env.BENCH_DIST ? pathToFileURL(join(resolve(process.env.BENCH_DIST), '/')) : new URL('../../dist/', import.meta.url)

const EVENTS = ['llm:request', 'llm:response', 'llm:stream_block_start', 'llm:stream_block_delta', 'llm:stream_block_end', 'llm:stream_aborted']

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = { exp: 4102444800, 'https://api.openai.com/auth': { chatgpt_account_id: 'acct_b', chatgpt_plan_type: 'plus' } }
export const TOKEN = `${encode({ alg: 'none' })}.${encode(claims)}.c2ln`

/** A token file in a folder of its own that goes when the process does. */
export function writeTokenFile(tokens = { access_token: TOKEN, refresh_token: 'rt_bench', account_id: 'acct_b', plan_type: 'plus', expires_at: '2100-01-01T00:00:00Z' }) {
  const folder = mkdtempSync(join(tmpdir(), 'amplifier-chatgpt-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'openai-chatgpt-oauth.json')
  writeFileSync(path, JSON.stringify({ auth_mode: 'oauth', id_token: null, ...tokens }), { mode: 0o600 })
  return path
}

/** @param handlers a handler on every `llm:*` event, or none */
export async function mountOurs({ config, handlers, tokens }) {
  const { createModule } = await import(new URL('index.js', DIST).href)
  const { createHost } = await import(new URL('host/index.js', DIST).href)
  const module = createModule({ warn() {} })
  const entry = { module: module.id, config: { token_file_path: writeTokenFile(tokens), login_on_mount: false, ...config } }
  const host = createHost({ config: { providers: [entry] }, modules: { [module.id]: module }, warn() {} })
  let seen = 0
  if (handlers) for (const event of EVENTS) host.coordinator.hooks.register(event, () => void seen++)
  await host.start()
  return host.coordinator.get('providers', 'openai-chatgpt')
}
