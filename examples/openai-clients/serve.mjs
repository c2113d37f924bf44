// The HTTP door against the stand-in of the backend; with --once it asks itself one question and ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startTwin } from 'amplifier-module-provider-openai-chatgpt/twin'

const program = join(dirname(fileURLToPath(import.meta.resolve('amplifier-module-provider-openai-chatgpt'))), 'cli', 'main.js')
const twin = await startTwin()
const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-http-'))
const tokenFile = join(folder, 'openai-chatgpt-oauth.json')
await writeFile(tokenFile, JSON.stringify(twin.issueTokens()), { mode: 0o600 })

const server = spawn(process.execPath, [program, 'serve', '--http', '--json'], {
  env: { ...process.env, AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl, AMPLIFIER_CHATGPT_ISSUER: twin.issuer, AMPLIFIER_CHATGPT_TOKEN_FILE: tokenFile },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const end = async () => {
  const running = server.exitCode === null && server.signalCode === null
  const exited = running && once(server, 'exit')
  server.kill()
  // It still keeps what it has learned of the account: the folder has to outlive it.
  await exited
  await twin.close()
  await rm(folder, { recursive: true, force: true })
}
process.once('SIGINT', end)
const { base_url, key } = await new Promise((resolve) => server.stdout.once('data', (line) => resolve(JSON.parse(line))))
console.log(`serving on ${base_url}`)
if (process.argv.includes('--once')) {
  const response = await fetch(`${base_url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'role:coding', messages: [{ role: 'user', content: 'Say hello' }] }),
  })
  const { choices } = await response.json()
  console.log(choices[0].message.content)
  await end()
} else console.log(`key ${key}; Ctrl-C ends it`)
