import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { openHttp } from '../../src/cli/serve-http.js'
import { createPageDescriber } from '../../src/cli/describe-page.js'
import { createHttpServer, type HttpServer } from '../../src/http/index.js'
import { createPage } from '../../src/page/index.js'
import { createLiveBoard } from '../../src/usage/index.js'
import { ask, mountOnTwin, type Mounted } from '../support/mounted.js'
import { openCommandLine, type CommandLine } from './support.js'

let cli: CommandLine
let mounted: Mounted
let server: HttpServer
beforeAll(async () => {
  cli = await openCommandLine()
  const board = createLiveBoard()
  mounted = await mountOnTwin({ parts: { observers: [board] } })
  server = await createHttpServer({ provider: mounted.provider, key: 'made-up', page: createPage({ board, ...createPageDescriber({ provider: mounted.provider, resolver: undefined }) }) })
  mounted.twin.enqueue({ text: 'one', usage: { input_tokens: 100, input_tokens_details: { cached_tokens: 40 }, output_tokens: 7, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 107 } })
  await mounted.provider.complete(ask('hello', { metadata: { agent: 'an-agent-with-a-name-that-is-long' } }))
}, 60_000)
afterAll(async () => {
  await server.close()
  await mounted.close()
  await cli.close()
})

test('top shows the server\'s figures in 80 columns, once in a pipe', async () => {
  const { code, stdout } = await cli.run(['top', '--url', server.baseUrl], { env: { AMPLIFIER_CHATGPT_HTTP_KEY: 'made-up' } })
  expect([code, stdout]).toEqual([0, expect.stringContaining('1 ended, 0 failed; 100 in (40 cached), 7 out')])
  expect(stdout).toMatch(/gpt-5\.5 .* an-agent-with-a… done/)
  expect(Math.max(...stdout.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80)
})

test('top says what is missing, and which key is wrong', async () => {
  expect(await cli.run(['top'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--url') })
  expect(await cli.run(['top', '--url', server.baseUrl])).toMatchObject({ code: 2, stderr: expect.stringContaining('AMPLIFIER_CHATGPT_HTTP_KEY') })
  expect(await cli.run(['top', '--url', server.baseUrl], { env: { AMPLIFIER_CHATGPT_HTTP_KEY: 'other' } })).toMatchObject({ code: 3, stderr: expect.stringMatching(/AMPLIFIER_CHATGPT_HTTP_KEY.* serve keys add NAME/) })
  expect((await cli.run(['top', '--url', server.baseUrl], { env: { AMPLIFIER_CHATGPT_HTTP_KEY: 'other' } })).stderr).not.toContain('doctor')
})

test('top takes the URL that a server at a socket file prints, and the path itself; a new link is printed for servers at a port', async () => {
  const env = { AMPLIFIER_CHATGPT_HTTP_KEY: 'made-up' }
  const link = await cli.run(['top', '--link', '--url', server.baseUrl], { env })
  expect([link.code, link.stdout]).toEqual([0, expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/\?once=[\w-]{32}\n$/)])
  expect((await fetch(link.stdout.trim(), { redirect: 'manual' })).status).toBe(303)
  if (process.platform === 'win32') return
  const socketPath = join(cli.home, 'run', 'chatgpt.sock')
  const other = await createHttpServer({ provider: mounted.provider, key: 'made-up', socketPath, page: createPage({ board: createLiveBoard(), ...createPageDescriber({ provider: mounted.provider, resolver: undefined }) }) })
  try {
    for (const url of [other.baseUrl, socketPath]) expect(await cli.run(['top', '--url', url], { env })).toMatchObject({ code: 0, stdout: expect.stringContaining('0 ended, 0 failed') })
    expect(await cli.run(['top', '--link', '--url', socketPath], { env })).toMatchObject({ code: 2, stderr: expect.stringContaining('a browser opens no socket file') })
  } finally {
    await other.close()
  }
  expect(await cli.run(['top', '--url', other.baseUrl], { env })).toMatchObject({ code: 5, stderr: expect.stringContaining(`no server answers at ${socketPath}`) })
})

test('top says of a certificate that is not trusted what trusts it', async () => {
  const [cert, key] = [join(cli.home, 'cert.pem'), join(cli.home, 'key.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const other = await createHttpServer({ provider: mounted.provider, key: 'made-up', tls: { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') } })
  try {
    expect(await cli.run(['top', '--url', other.baseUrl], { env: { AMPLIFIER_CHATGPT_HTTP_KEY: 'made-up' } })).toMatchObject({ code: 2, stderr: expect.stringContaining('NODE_EXTRA_CA_CERTS') })
  } finally {
    await other.close()
  }
  const wrong = join(cli.home, 'other-key.pem')
  writeFileSync(wrong, generateKeyPairSync('ec', { namedCurve: 'P-256', privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } }).privateKey)
  expect(await cli.run(['serve', '--http', '--cert', cert, '--key', wrong])).toMatchObject({ code: 2, stderr: expect.stringContaining(`--key ${wrong} does not belong to --cert ${cert}`) })
})

test('serve --http names an address that other machines reach, its process, and makes JSON of its warnings too; a role that is not there is refused', async () => {
  const said: string[] = []
  const stderr = new PassThrough().setEncoding('utf8').on('data', (text: string) => said.push(text))
  for (const [name, value] of Object.entries(cli.env)) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  const path = String(cli.env.AMPLIFIER_CHATGPT_TOKEN_FILE)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, JSON.stringify({ auth_mode: 'oauth', ...cli.twin.issueTokens() }), { mode: 0o600 })
  const context = { terminal: { stdout: new PassThrough(), stderr, stdin: new PassThrough(), env: { ...cli.env, AMPLIFIER_CHATGPT_HTTP_KEY: 'made-up' } }, signal: new AbortController().signal }
  const running = await openHttp(context, { host: '0.0.0.0', log: 'json', data: join(cli.home, 'data') })
  try {
    const { text, value } = running.announcement
    expect(value).toMatchObject({ pid: process.pid })
    const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal)
    for (const { address } of addresses) expect(text).toMatch(new RegExp(`^network   http://${address.replaceAll('.', '\\.')}:\\d+/v1 .*--allow-host`, 'm'))
    expect(text).toMatch(new RegExp(`^key       from AMPLIFIER_CHATGPT_HTTP_KEY$[^]*kill ${process.pid}$`, 'm'))
    expect(said.map((line) => JSON.parse(line) as unknown)).toEqual([{ time: expect.any(String) as unknown, warning: expect.stringMatching(/^0\.0\.0\.0 is open to the network/) as unknown }])
  } finally {
    await running.close()
  }
  await expect(openHttp(context, { modelMap: ['opus=role:codign'], data: join(cli.home, 'data') })).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(/opus=role:codign: there is no role "codign"\. Did you mean role:coding\?/) as unknown })
})
