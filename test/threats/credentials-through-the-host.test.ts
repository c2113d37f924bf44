/** What was shown to work against 0.1.0 beyond configuration: text, files, Redis and credentials, each driven through the host with files on disk. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { chmod, chown, lstat, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { buildMountPlan, loadBundle, loadSettings } from '../../src/config/index.js'
import { createHost } from '../../src/host/index.js'
import { createModule, type ChatGPTProvider } from '../../src/index.js'
import type { Twin } from '../../src/twin/index.js'
import { writeTree } from '../config/support/tree.js'
import { openWorld, type World } from './world.js'

const OURS = 'provider-openai-chatgpt'
const KEY = Buffer.alloc(32, 7).toString('base64')
let twin: Twin
let world: World

beforeAll(async () => {
  world = await openWorld()
  twin = world.twin
})
afterEach(() => void vi.unstubAllEnvs())
afterAll(() => world.close())

interface Outcome { root: string; providers: string[]; warnings: string; answer: string }

/** Mounts for a user whose own entry says `user`, in a project with these files, and asks once. */
async function ask(user: object, options: { files?: Record<string, string>; bundle?: string; record?: object; prepare?: (root: string) => unknown } = {}): Promise<Outcome> {
  const { files = {}, bundle, record = { auth_mode: 'oauth', ...twin.issueTokens() }, prepare } = options
  const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: '../tokens/here.json', transport: 'sse', max_retries: 0, login_on_mount: false, ...user }
  const root = await writeTree({
    'home/tokens/here.json': JSON.stringify(record), 'home/.amplifier/settings.yaml': JSON.stringify({ config: { providers: [{ module: OURS, id: 'work', config }] } }),
    ...Object.fromEntries(Object.entries({ 'readme.md': 'x', ...files }).map(([path, text]) => [`work/${path}`, text])),
  })
  await chmod(join(root, 'home', 'tokens', 'here.json'), 0o600)
  await prepare?.(root)
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  const settings = await loadSettings(join(root, 'work'), { home: join(root, 'home') })
  warnings.push(...settings.warnings)
  const plan = buildMountPlan({ settings, ...(bundle === undefined ? {} : { bundle: await loadBundle(join(root, 'work', bundle)) }) })
  const host = createHost({ config: plan, modules: { [OURS]: createModule({ warn }) }, warn, baseDir: join(root, 'work') })
  await host.start()
  const providers = host.coordinator.get('providers') as Record<string, ChatGPTProvider>
  const answer = await providers['work']?.complete({ messages: [{ role: 'user', content: 'hello' }] }).then(({ content }) => JSON.stringify(content), String)
  await host.close()
  return { root, providers: Object.keys(providers), warnings: warnings.join('\n'), answer: answer ?? 'not mounted' }
}

test('the user is answered, so that what follows is refused for what it says', async () => {
  expect(await ask({})).toMatchObject({ providers: ['work'], warnings: '', answer: expect.stringContaining('You said: hello') as string })
})

describe.skipIf(process.platform === 'win32')('6: what lies outside of the project', () => {
  const SECRET = 'aws_secret_access_key = canary\n'
  test.each<[string, Record<string, string>, string]>([
    ['an include by ../', { 'b.yaml': 'includes: ["../../home/secret.md"]' }, 'includes'], ['an include by thirty ../', { 'b.yaml': `includes: ["${'../'.repeat(30)}etc/hosts.md"]` }, 'includes'],
    ['an include of a link', { 'b.yaml': 'includes: [guide.md]' }, 'includes'], ['an agent by a link', { 'b.yaml': 'agents: {include: [guide]}' }, 'agents include'],
    ['an agent by a linked folder', { 'b.yaml': 'agents: {include: ["linked/*.md", "linked/secret.md"]}' }, 'agents include'], ['an agent\'s own include', { 'b.yaml': 'agents: {a: {include: ../../home/secret.md}}' }, 'agents include'],
  ])('is no part of a bundle: %s', async (_name, files, words) => {
    const outcome = ask({}, { files, bundle: 'b.yaml', prepare: link }).then(({ warnings }) => warnings, String)
    expect(await outcome).toMatch(new RegExp(`b\\.yaml:1:\\d+: ${words}: .*(outside of the bundle's folder|matches no file)`))
    expect(await outcome).not.toContain('canary')
  })

  test('is no settings file of the project', async () => {
    const { warnings, providers } = await ask({}, { prepare: (root) => execFileSync('sh', ['-c', `echo canary > '${root}/home/secret.md' && mkdir '${root}/work/.amplifier' && ln -s ../../home/secret.md '${root}/work/.amplifier/settings.yaml'`]) })
    expect(providers).toEqual(['work'])
    expect(warnings).toMatch(/settings\.yaml is a link that leads out of .*; the file is skipped/)
  })

  async function link(root: string): Promise<void> {
    execFileSync('sh', ['-c', 'cat > home/secret.md && ln -s ../home/secret.md work/guide.md && ln -s ../home work/linked && mkdir work/agents && ln -s ../../home/secret.md work/agents/guide.md'], { cwd: root, input: SECRET })
  }
})

test('7: ids, modules, keys and values of a project write no control characters into warnings', async () => {
  const hostile = '\u001b]52;c;cm0gLXJm\u0007\u001b[2K\rgood\u009b31m\u007f'
  const files = { 'b.yaml': JSON.stringify({
    providers: [{ module: OURS, id: `x${hostile}`, config: { base_url: hostile } }, { module: OURS, id: 'y', config: { reasoning_effort: hostile } }, { id: 'work', module: OURS, config: { [`key${hostile}`]: 1 } }, { id: `nobody${hostile}`, module: `m${hostile}` }],
    tools: [{ module: `t${hostile}`, source: hostile }], hooks: [{ module: 'routing', config: { default_matrix: hostile, placement: hostile } }],
  }), '.amplifier/settings.yaml': JSON.stringify({ 'routin\u001bg': {}, config: { providers: [{ id: `z${hostile}` }] }, [hostile]: 1 }) }
  const { warnings } = await ask({}, { files, bundle: 'b.yaml' })
  for (const words of ['␛]52;c', 'was not mounted', 'unknown option', 'names no module']) expect(warnings).toContain(words)
  expect(warnings.match(/[^\P{Cc}\n]/gu)).toBeNull()
})

const hasRedis = ['redis-server', 'openssl'].every((tool) => spawnSync(tool, ['--version']).error === undefined)
if (!hasRedis) process.stderr.write('skipped: Redis, because there is no redis-server or openssl\n')

describe('8: Redis', () => {
  test.each(['redis://redis.example', 'redis://user:made-up@10.0.0.7:6379', 'redis://127.0.0.1.evil.example'])('beyond loopback takes no password in the clear: %s', async (redis_url) => {
    const { providers, warnings } = await ask({ token_store: 'redis', redis_url }, { prepare: () => vi.stubEnv('AMPLIFIER_CHATGPT_STORE_KEY', KEY) })
    expect(providers).toEqual([])
    expect(warnings).toContain('redis_allow_plaintext')
    expect(warnings).not.toContain('made-up')
  })

  test.runIf(hasRedis)('with a certificate that nobody believes gets no password, whatever NODE_TLS_REJECT_UNAUTHORIZED says, and with ca_file it does', async () => {
    const folder = await writeTree({ x: '' })
    const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' })
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', 'server.key', '-out', 'server.pem')
    const probe = createServer()
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
    const port = String((probe.address() as AddressInfo).port)
    await new Promise((resolve) => probe.close(resolve))
    const server = spawn('redis-server', ['--port', '0', '--tls-port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--requirepass', 'made-up-password',
      '--tls-cert-file', 'server.pem', '--tls-key-file', 'server.key', '--tls-ca-cert-file', 'server.pem', '--tls-auth-clients', 'no', '--loglevel', 'notice'], { cwd: folder })
    onTestFinished(() => void server.kill('SIGKILL'))
    for (let said = ''; !said.includes('Ready to accept connections');) said += String((await once(server.stdout, 'data'))[0])
    vi.stubEnv('AMPLIFIER_CHATGPT_STORE_KEY', KEY)
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    const redis = { token_store: 'redis', redis_url: `rediss://:made-up-password@localhost:${port}`, connect_timeout: 5 }
    const unbelieved = await ask(redis)
    expect(unbelieved.warnings + unbelieved.answer).toMatch(/cannot be reached/)
    expect((await ask({ ...redis, ca_file: join(folder, 'server.pem') })).answer).toContain('nobody is signed in')
  }, 60_000)
})

test('9: a variable that never ends costs no time', async () => {
  // As a user's own value, in another that is refused for a variable at its end, and as text that is none.
  const value = '${a:'.repeat(40_000)
  const files = { 'b.yaml': JSON.stringify({ providers: [{ module: OURS, id: 'other', config: { default_model: `${value}\${HOME}` } }], hooks: [{ module: 'routing', config: { default_matrix: value } }] }) }
  const started = process.cpuUsage()
  const { providers, warnings } = await ask({ default_model: value }, { files, bundle: 'b.yaml' })
  const { user, system } = process.cpuUsage(started)
  expect(providers).toEqual(['work'])
  expect(warnings).toContain('default_model may not take an environment variable')
  expect(warnings).toContain('no routing matrix ${a:${a:')
  expect(warnings.length).toBeLessThan(2_000)
  expect((user + system) / 1000).toBeLessThan(3_000)
})

describe('10: credentials', () => {
  const asked = () => twin.requests.length
  test.each<[string, object, () => object]>([
    ['a ChatGPT sign-in is no API key', { lane: 'api_key' }, () => ({ access_token: twin.issueTokens().access_token })], ['an API key is no ChatGPT sign-in', {}, () => ({ access_token: 'sk-made-up' })],
    ['an API key is no plan sign-in', { lane: 'plan' }, () => ({ access_token: 'sk-made-up' })],
  ])('%s', async (_name, user, record) => {
    const before = asked()
    const { answer, warnings } = await ask(user, { record: record() })
    expect(answer + warnings).toMatch(/AuthenticationError|is not mounted/)
    expect(twin.requests.slice(before).filter(({ path }) => path.includes('responses') || path.includes('models'))).toEqual([])
  })

  test('a record\'s issuer does not outrank the token\'s own', async () => {
    const { address, connections } = world
    const evil = { issuer: new URL(address).origin, base_url: address }
    const { answer, warnings } = await ask(evil, { record: { auth_mode: 'oauth', ...twin.issueTokens(), ...evil } })
    expect(answer + warnings).toMatch(/AuthenticationError|is not mounted/)
    expect(connections()).toBe(0)
  })

  test('a project\'s account does not pay', async () => {
    const { providers, warnings } = await ask({}, { files: { '.amplifier/settings.local.yaml': JSON.stringify({ config: { providers: [{ id: 'work', config: { account: 'theirs' } }] } }) } })
    expect([providers, warnings]).toEqual([[], expect.stringContaining('account may not be set by a project\'s files') as string])
  })

  test('a password in an address is not shown, with a slash in it either', async () => {
    const { answer, warnings } = await ask({ base_url: 'https://user:pa/ss@127.0.0.1:9/v1' })
    expect(answer + warnings).not.toMatch(/pa\/ss|user:/)
    expect(answer + warnings).toContain('base_url')
  })

  test.runIf(process.getuid?.() === 0)('a token file of another user is not used', async () => {
    const before = asked()
    const { answer, warnings } = await ask({}, { prepare: (root) => chown(join(root, 'home', 'tokens', 'here.json'), 65534, 65534) })
    expect(answer + warnings).toContain('belongs to another user (uid 65534)')
    expect(asked()).toBe(before)
  })

  test.runIf(process.platform !== 'win32')('nor is one in a folder that everybody may write', async () => {
    const before = asked()
    const { answer, warnings } = await ask({}, { prepare: (root) => chmod(join(root, 'home', 'tokens'), 0o777) })
    expect(answer + warnings).toContain('lies in a folder that every user may write to')
    expect(asked()).toBe(before)
  })

  test.runIf(process.platform !== 'win32')('the state file\'s unfinished write follows no link', async () => {
    const { root, answer } = await ask({}, { prepare: async (where) => {
      await writeFile(join(where, 'precious'), 'precious')
      await symlink('../../precious', join(where, 'home', 'tokens', `openai-chatgpt-state.json.${process.pid}.tmp`))
    } })
    expect(answer).toContain('You said')
    expect(await readFile(join(root, 'precious'), 'utf8')).toBe('precious')
    expect((await lstat(join(root, 'home', 'tokens', 'openai-chatgpt-state.json'))).isFile()).toBe(true)
  })
})
