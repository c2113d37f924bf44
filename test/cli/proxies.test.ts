/** What a user behind a proxy meets first: demo, the stand-in, a certificate that nobody vouches for, a proxy that says no or is away. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test, vi, beforeEach, afterEach } from 'vitest'
import { exceptFromProxy } from '../../src/cli/past-proxy.js'
import { createAuthority } from '../transport/support/certificate.js'
import { serveProxy } from '../transport/support/servers.js'
import { openCommandLine, type CommandLine } from './support.js'

let cli: CommandLine
beforeAll(async () => { cli = await openCommandLine() })
afterAll(() => cli.close())
beforeEach(() => {
  for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy']) for (const spelling of [name, name.toUpperCase()]) vi.stubEnv(spelling, '')
})
afterEach(() => void vi.unstubAllEnvs())

const AWAY = 'http://127.0.0.1:9'
const ADVICE = 'Behind a proxy that inspects traffic, name its certificate authority with ca_file or NODE_EXTRA_CA_CERTS.'
type Findings = { findings: { check: string; result: string; detail: string }[] }

test('demo reaches its own stand-in past a proxy, and leaves the environment as it was', async () => {
  const before = { ...process.env }
  expect(await cli.run(['demo'], { env: { HTTP_PROXY: AWAY, ALL_PROXY: AWAY } })).toMatchObject({ code: 0, stderr: '' })
  expect(process.env).toEqual(before)
})

test.each([
  [{}, {}],
  [{ https_proxy: AWAY }, {}],
  [{ HTTP_PROXY: AWAY }, { NO_PROXY: '127.0.0.1' }],
  [{ all_proxy: AWAY, NO_PROXY: 'a.example, b.example' }, { NO_PROXY: 'a.example,b.example,127.0.0.1' }],
  [{ all_proxy: AWAY, no_proxy: 'a.example', NO_PROXY: 'b.example' }, { no_proxy: 'a.example,127.0.0.1' }],
  [{ all_proxy: AWAY, no_proxy: '*' }, {}],
  [{ all_proxy: AWAY, NO_PROXY: '127.0.0.1' }, {}],
])('beside %j the stand-in is led to by %j', (env, variables) => {
  expect(exceptFromProxy(env, 'http://127.0.0.1:9009')).toEqual(variables)
})

test('a missing authority is told alike by login, run and doctor, with what to name', async () => {
  const authority = createAuthority()
  const other = await openCommandLine({ tls: authority })
  onTestFinished(() => other.close())
  const signIn = await other.run(['login'])
  expect([signIn.code, signIn.stderr]).toEqual([5, expect.stringContaining(ADVICE)])
  await writeFile(join(other.home, 'token.json'), JSON.stringify({ ...other.twin.issueTokens() }), { mode: 0o600 })
  const words = ['--token-file', join(other.home, 'token.json')]
  expect((await other.run(['run', 'x', '--config', 'max_retries=0', ...words])).stderr).toContain(ADVICE)
  const { findings } = JSON.parse((await other.run(['doctor', '--json', ...words])).stdout) as Findings
  expect(findings.find(({ check }) => check === 'network')).toMatchObject({ result: 'error', detail: expect.stringContaining(ADVICE) as string })
  expect(findings.find(({ check }) => check === 'certificates')).toMatchObject({ result: 'error', detail: `${new URL(other.twin.url).host}: not believed by the built-in authorities. ${ADVICE}` })
})

test.each(['login', 'run'])('%s names a proxy that is away, and what a proxy refuses, and no password', async (command) => {
  await cli.run(['login'])
  const words = command === 'run' ? ['run', 'x', '--config', 'max_retries=0'] : ['login']
  const away = await cli.run(words, { env: { HTTP_PROXY: 'http://user:made-up-password@127.0.0.1:9' } })
  expect([away.code, away.stderr]).toEqual([5, expect.stringContaining('through the proxy 127.0.0.1:9')])
  const proxy = await serveProxy({ requireAuth: 'Basic another' })
  const refused = await cli.run(words, { env: { HTTP_PROXY: proxy.url.replace('//', '//user:made-up-password@') } })
  expect(refused.stderr).toContain(`the proxy ${new URL(proxy.url).host} refused the user and password in HTTP_PROXY`)
  const unnamed = await cli.run(words, { env: { HTTP_PROXY: proxy.url } })
  expect(unnamed.stderr).toContain('put user and password into the proxy URL (HTTP_PROXY=http://user:password@host:port)')
  expect(cli.printed()).not.toContain('made-up-password')
})

test('doctor says nothing of a proxy for a name that NO_PROXY excepts, and warns once of an unknown option, within the terminal', async () => {
  await cli.run(['login'])
  const words = ['--base-url', 'http://nowhere.localhost.invalid:9/x'.replace('http:', 'https:'), '--config', 'max_retries=0', '--config', 'no_such_option=1']
  const env = { HTTPS_PROXY: AWAY }
  const dns = async (more: NodeJS.ProcessEnv) => {
    const { findings } = JSON.parse((await cli.run(['doctor', '--json', ...words], { env: { ...env, ...more } })).stdout) as Findings
    return findings.find(({ check, detail }) => check === 'dns' && detail.startsWith('nowhere'))
  }
  expect(await dns({})).toMatchObject({ result: 'warning', detail: expect.stringContaining('the proxy may do that') as string })
  expect(await dns({ NO_PROXY: '.invalid' })).toMatchObject({ result: 'error', detail: expect.not.stringContaining('the proxy may') as string })
  const shown = await cli.run(['doctor', '--config', 'no_such_option=1'], { tty: true, columns: 80 })
  expect(shown.stderr.match(/no_such_option/g)).toHaveLength(1)
  expect(Math.max(...shown.stdout.split('\n').map((line) => line.replace(/\u001b\[\d+m/g, '').length))).toBeLessThanOrEqual(80)
})

test('a variable that a settings file outdoes is named by doctor and status, without its value', async () => {
  const file = join(cli.home, '.amplifier', 'settings.yaml')
  await writeFile(file, 'config:\n  providers:\n    - module: provider-openai-chatgpt\n      config: { redis_url: "redis://127.0.0.1:1" }\n')
  onTestFinished(() => writeFile(file, ''))
  const env = { AMPLIFIER_CHATGPT_REDIS_URL: 'redis://:made-up-password@127.0.0.1:2' }
  const words = /AMPLIFIER_CHATGPT_REDIS_URL has no effect beside redis_url \(.*settings\.yaml:4/
  expect((await cli.run(['status'], { env })).stderr).toMatch(words)
  const { findings } = JSON.parse((await cli.run(['doctor', '--json'], { env })).stdout) as Findings
  expect(findings).toContainEqual({ check: 'settings', result: 'warning', detail: expect.stringMatching(words) as string })
  expect(cli.printed()).not.toContain('made-up-password')
  expect((await cli.run(['status'], { env: { AMPLIFIER_CHATGPT_REDIS_URL: 'redis://127.0.0.1:1' } })).stderr).toBe('')
})
