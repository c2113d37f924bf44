import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTwin, type Twin } from '../../src/twin/index.js'
import { buildCommandLine } from '../support/amplifier-python.js'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'examples', 'openai-clients', 'README.md'), 'utf8')
const SHOWN = 'http://127.0.0.1:8791/v1'

describe('the page for OpenAI clients', () => {
  let twin: Twin
  let folder: string
  let server: ChildProcess
  let baseUrl: string
  const KEY = 'a-key-of-my-own'

  beforeAll(async () => {
    const main = await buildCommandLine('http')
    twin = await startTwin()
    folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-http-page-'))
    const tokenFile = join(folder, 'oauth.json')
    await writeFile(tokenFile, JSON.stringify(twin.issueTokens()), { mode: 0o600 })
    const words = /^npx amplifier-chatgpt (serve --http .*)$/m.exec(page)?.[1]?.replace('8791', '0').split(' ') ?? []
    server = spawn(process.execPath, [main, ...words], {
      cwd: folder, stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH, HOME: folder, USERPROFILE: folder, AMPLIFIER_CHATGPT_HTTP_KEY: KEY,
        AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl, AMPLIFIER_CHATGPT_ISSUER: twin.issuer, AMPLIFIER_CHATGPT_TOKEN_FILE: tokenFile,
      },
    })
    const [said] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
    baseUrl = /http:\/\/\S+/.exec(String(said))?.[0] ?? String(said)
  }, 60_000)
  afterAll(async () => {
    server.kill()
    await once(server, 'close')
    await twin.close()
    await rm(folder, { recursive: true, force: true })
  })

  const block = (language: string, word: string) =>
    [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text ?? '').find((text) => text.includes(word))?.replace(SHOWN, baseUrl) ?? `no ${language} block has ${word}`

  test.skipIf(!existsSync('/bin/sh'))('its curl line asks a role', async () => {
    const { stdout } = await run('/bin/sh', ['-c', block('sh', 'curl ')], { env: { PATH: process.env.PATH, KEY } })
    expect(JSON.parse(stdout)).toMatchObject({ object: 'chat.completion', model: 'gpt-6.1-sol', choices: [{ message: { content: 'You said: Say hello' } }] })
  })

  test('its program runs in the official package', async () => {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', block('js', 'new OpenAI')], { cwd: root, env: { PATH: process.env.PATH, KEY } })
    expect(stdout).toBe('You said: Say hello\n')
  })
})
