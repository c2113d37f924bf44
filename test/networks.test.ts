import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { signInWithDeviceCode } from '../src/auth/index.js'
import { resolveOptions } from '../src/config/index.js'
import { composeAccount } from '../src/compose-account.js'
import { createProcessShared } from '../src/process-shared.js'
import type { Twin } from '../src/twin/index.js'
import { mountOn, openTwin, writeTokens } from './lanes/support.js'
import { ask } from './support/mounted.js'
import { createAuthority } from './transport/support/certificate.js'
import { serveProxy } from './transport/support/servers.js'

const authority = createAuthority()
const NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy']

beforeEach(() => {
  for (const name of NAMES) for (const spelling of [name, name.toUpperCase()]) vi.stubEnv(spelling, '')
})
afterEach(() => void vi.unstubAllEnvs())

async function writePem(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-ca-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'ca.pem'), text)
  return join(folder, 'ca.pem')
}

/** The five kinds of exchange a mount has with the world, in turn. */
async function doEverything(twin: Twin, more: Record<string, unknown> = {}): Promise<void> {
  await signIn(twin, more)
  for (const transport of ['sse', 'websocket'] as const) {
    const { provider, warnings } = await mountOn(twin, { config: { ...more, transport } })
    expect(provider, warnings.join()).toBeDefined()
    expect((await provider.listModels()).length).toBeGreaterThan(3)
    await provider.complete(ask('hello'))
    twin.expireAccessTokens()
    await provider.complete(ask('after a refresh'))
  }
}

async function signIn(twin: Twin, more: Record<string, unknown> = {}): Promise<string | undefined> {
  const { options } = resolveOptions({ base_url: twin.baseUrl, issuer: twin.issuer, token_store: 'memory', ...more })
  const account = composeAccount({ options, parts: { warn: () => undefined } }, createProcessShared())
  onTestFinished(() => account.dispose())
  const fresh = await signInWithDeviceCode({ transport: account.transport, issuer: options.issuer, clientId: account.lane.clientId, show: () => undefined, delay: async () => undefined })
  return (await account.credentials.accept(fresh)).accountId
}

const KINDS = ['POST /api/accounts/deviceauth/usercode', 'POST /oauth/token', 'GET /backend-api/codex/models', 'POST /backend-api/codex/responses', 'GET /backend-api/codex/responses', 'FRAME /backend-api/codex/responses']

function expectAllKinds(twin: Twin): void {
  const seen = new Set(twin.requests.map(({ method, path }) => `${method} ${path}`))
  for (const kind of KINDS) expect([...seen], kind).toContain(kind)
  expect(twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok'])
  expect(twin.responses().map(({ transport }) => transport)).toContain('websocket')
}

const connectionsOf = (twin: Twin): number => new Set(twin.requests.map(({ connection }) => connection)).size
const DEVICE = { deviceCode: { approveAfterPolls: 1 } } as const

describe('a proxy', () => {
  const ways = ['http', 'https'].flatMap((scheme) => [`${scheme}_proxy`, 'all_proxy'].flatMap((name) => [[scheme, name], [scheme, name.toUpperCase()]]))

  test.each(ways)('over %s: %s carries sign-in, refresh, model list, HTTP and WebSocket calls, and nothing goes past it', async (scheme, name) => {
    const twin = await openTwin({ ...DEVICE, ...(scheme === 'https' ? { tls: authority } : {}) })
    const proxy = await serveProxy()
    vi.stubEnv(String(name), proxy.url)
    await doEverything(twin, scheme === 'https' ? { ca_file: await writePem(authority.ca) } : {})
    expectAllKinds(twin)
    // Every connection that reached the twin is a tunnel of the proxy.
    expect(proxy.tunnels.length).toBe(connectionsOf(twin))
    expect(new Set(proxy.tunnels)).toEqual(new Set([new URL(twin.url).host]))
  })

  test.each(['no_proxy', 'NO_PROXY'])('%s keeps every kind of exchange away from it', async (name) => {
    const twin = await openTwin(DEVICE)
    const proxy = await serveProxy()
    vi.stubEnv('ALL_PROXY', proxy.url)
    vi.stubEnv(name, `example.com,${new URL(twin.url).hostname}`)
    await doEverything(twin)
    expectAllKinds(twin)
    expect(proxy.accepted()).toBe(0)
  })
})

describe('a server behind an authority of one\'s own', () => {
  test('passes with ca_file: sign-in, refresh, model list, HTTP and WebSocket calls', async () => {
    const twin = await openTwin({ ...DEVICE, tls: authority })
    await doEverything(twin, { ca_file: await writePem(authority.ca) })
    expectAllKinds(twin)
  })

  test.each(['0', '1'])('fails without it, once, in words that name the cause (NODE_TLS_REJECT_UNAUTHORIZED=%s)', async (value) => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', value)
    const twin = await openTwin({ ...DEVICE, tls: authority })
    await expect(signIn(twin)).rejects.toMatchObject({ message: expect.stringMatching(/certificate|UNABLE_TO_VERIFY|SELF_SIGNED/i) as string })
    for (const transport of ['sse', 'websocket', 'auto']) {
      const { provider, named } = await mountOn(twin, { config: { transport, max_retries: 5 } })
      const error: unknown = await provider.complete(ask('hello')).catch((thrown: unknown) => thrown)
      expect(error, transport).toMatchObject({ retryable: false, message: expect.stringMatching(/ca_file|NODE_EXTRA_CA_CERTS/) as string })
      expect(named('provider:retry'), transport).toEqual([])
    }
    expect(twin.requests).toEqual([])
  })

  test.each([
    ['that is not there', async () => '/no/such/folder/ca.pem'],
    ['that holds no certificate', () => writePem('nothing of the kind\n')],
    ['that holds a broken one', () => writePem('-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n')],
  ])('a bundle %s is a ConfigurationError that names the path', async (_title, write) => {
    const path = await write()
    const twin = await openTwin({ ...DEVICE, tls: authority })
    for (const transport of ['sse', 'websocket', 'auto']) {
      const { provider } = await mountOn(twin, { config: { transport, ca_file: path } })
      await expect(provider.complete(ask('hello')), transport).rejects.toMatchObject({ name: 'ConfigurationError', retryable: false, message: expect.stringContaining(path) as string })
    }
    const { provider } = await mountOn(twin, { config: { ca_file: path } })
    const far = await mountOn(twin, { config: { ca_file: path }, prepare: ({ config }) => writeTokens(String(config['token_file_path']), { ...twin.issueTokens(), expires_at: '2020-01-01T00:00:00Z' }) })
    expect(far.warnings.join()).toContain(path)
    expect((await provider.listModels()).length).toBeGreaterThan(0)
    await expect(signIn(twin, { ca_file: path })).rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringContaining(path) as string })
    expect(twin.requests).toEqual([])
  })
})
