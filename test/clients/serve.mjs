import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startTwin } from '../../dist/twin/index.js'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** The stand-in, and the built command `serve --http --json` before it, signed in and ready. */
export async function serve({ transport }) {
  const twin = await startTwin()
  const folder = await mkdtemp(join(tmpdir(), 'clients-'))
  const tokenFile = join(folder, 'openai-chatgpt-oauth.json')
  await writeFile(tokenFile, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  const env = { PATH: process.env.PATH, HOME: folder, AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl, AMPLIFIER_CHATGPT_ISSUER: twin.issuer, AMPLIFIER_CHATGPT_TOKEN_FILE: tokenFile }
  const child = spawn(process.execPath, [main, 'serve', '--http', '--json', '--config', `transport=${transport}`], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), once(child, 'exit').then(() => { throw new Error('serve ended before it listened') })])
  const { base_url: baseUrl, key } = JSON.parse(line)
  return {
    twin, baseUrl, key, folder,
    async close() {
      child.kill('SIGTERM')
      await once(child, 'exit')
      await twin.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What a turn sent: each item by its role or type, `+` where a thought came along sealed. */
export function describeTurn({ body }) {
  const items = (body.input ?? []).map((item) => (item.role ?? item.type) + (item.encrypted_content ? '+' : ''))
  return `${body.previous_response_id ? '… ' : ''}${items.join(' ')}`
}
