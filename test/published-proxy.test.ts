/** What a company's network is: the backend behind TLS by an authority of its own, reached through a published proxy. Every lane and every server goes through it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateText } from 'ai'
import { Server } from 'proxy-chain'
import { Agent, fetch as fetchWith } from 'undici'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createChatGPT } from '../src/ai-sdk/index.js'
import { createFileStore, createLane, saveSignIn, signInWithPlan } from '../src/auth/index.js'
import { createHttpServer } from '../src/http/index.js'
import { createTransport } from '../src/transport/index.js'
import type { Twin } from '../src/twin/index.js'
import { mountApiKey, mountOn, openTwin } from './lanes/support.js'
import { ask, collect, failureOf, textOf } from './support/mounted.js'
import { metadata, openGrpcServer, type Message } from './support/open-grpc-server.js'
import { createAuthority } from './transport/support/certificate.js'

const authority = createAuthority()
const PASSWORD = 'made-up pass:word'
const KEY = 'local-made-up-key'

beforeEach(() => {
  for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy']) for (const spelling of [name, name.toUpperCase()]) vi.stubEnv(spelling, '')
})
afterEach(() => void vi.unstubAllEnvs())

interface Network {
  twin: Twin
  proxy: Server
  /** hosts that a tunnel was opened to */
  tunnels: string[]
  caFile: string
}

/** A twin with TLS, and a proxy that wants user and password; the environment names it with those given. */
async function openNetwork({ password = PASSWORD, extraCa = true }: { password?: string; extraCa?: boolean } = {}): Promise<Network> {
  const twin = await openTwin({ tls: authority })
  const tunnels: string[] = []
  const proxy = new Server({
    host: '127.0.0.1', port: 0,
    prepareRequestFunction({ username, password: given, hostname, port }) {
      if (username !== 'user' || given !== PASSWORD) return { requestAuthentication: true, failMsg: 'No.' }
      tunnels.push(`${hostname}:${port}`)
      return {}
    },
  })
  await proxy.listen()
  onTestFinished(() => proxy.close(true))
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-ca-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, authority.ca)
  vi.stubEnv('https_proxy', `http://user:${encodeURIComponent(password)}@127.0.0.1:${proxy.port}`)
  // The library's gRPC client goes by the proxy's variables too; it is no part of this.
  vi.stubEnv('no_grpc_proxy', '127.0.0.1')
  vi.stubEnv('NODE_EXTRA_CA_CERTS', extraCa ? caFile : '')
  return { twin, proxy, tunnels, caFile }
}

/** As a user of the plan lane does. The browser goes its own way, the exchange through the proxy. */
async function signInToPlan({ twin }: Network, path: string): Promise<void> {
  const transport = createTransport()
  const browser = new Agent({ connect: { ca: authority.ca } })
  try {
    await rm(path, { force: true })
    const lane = createLane('plan', { issuer: twin.issuer, baseUrl: twin.apiBaseUrl })
    const store = createFileStore({ path, lane: 'plan' })
    const signIn = await signInWithPlan({ transport, lane, store, show: ({ url }) => void fetchWith(url, { dispatcher: browser }).then((page) => page.text()) })
    await saveSignIn({ lane, store, signIn, now: Date.now, registerSecret: () => undefined })
  } finally {
    await transport.close()
    await browser.close()
  }
}

/** Nothing reached the twin past the proxy. */
function expectTunnelled({ twin, tunnels }: Network): void {
  expect(tunnels.length).toBeGreaterThanOrEqual(new Set(twin.requests.map(({ connection }) => connection)).size)
  expect(new Set(tunnels)).toEqual(new Set([new URL(twin.url).host]))
}

describe('through a proxy that wants a password, TLS behind it', () => {
  test.each(['sse', 'websocket'] as const)('the sign-in lane lists, calls and refreshes over %s, by NODE_EXTRA_CA_CERTS and by ca_file', async (transport) => {
    for (const extraCa of [true, false]) {
      const network = await openNetwork({ extraCa })
      const { provider } = await mountOn(network.twin, { config: { transport, ...(extraCa ? {} : { ca_file: network.caFile }) } })
      expect((await provider.listModels()).length).toBeGreaterThan(3)
      expect(textOf(await collect(provider.stream(ask('hello'))))).toBe('You said: hello')
      network.twin.expireAccessTokens()
      expect(textOf(await collect(provider.stream(ask('again'))))).toBe('You said: again')
      expect(network.twin.responses().at(-1)?.transport).toBe(transport === 'sse' ? 'http' : transport)
      expectTunnelled(network)
    }
  })

  test('the plan lane signs in and calls', async () => {
    const network = await openNetwork()
    const { twin, tunnels } = network
    const { provider } = await mountOn(twin, {
      config: { lane: 'plan', base_url: twin.apiBaseUrl },
      prepare: ({ config }) => signInToPlan(network, String(config.token_file_path)),
    })
    expect(textOf(await collect(provider.stream(ask('hello'))))).toBe('You said: hello')
    expect(new Set(tunnels)).toEqual(new Set([new URL(twin.url).host]))
  })

  test.each(['sse', 'websocket'] as const)('the api_key lane calls over %s', async (transport) => {
    const network = await openNetwork()
    const { provider } = await mountApiKey(network.twin, { transport })
    expect(textOf(await collect(provider.stream(ask('hello'))))).toBe('You said: hello')
    expectTunnelled(network)
  })

  test('the AI SDK provider, the HTTP endpoint and the gRPC server call', async () => {
    const network = await openNetwork()
    const { provider, config } = await mountOn(network.twin)
    const chatgpt = createChatGPT({ config, warn: () => undefined })
    onTestFinished(() => chatgpt.close())
    expect((await generateText({ model: chatgpt('gpt-5.5'), prompt: 'hello' })).text).toBe('You said: hello')
    const server = await createHttpServer({ provider, key: KEY })
    onTestFinished(() => server.close())
    const reply = await fetch(`${server.baseUrl}/chat/completions`, {
      method: 'POST', headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, body: JSON.stringify({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }] }),
    })
    expect(await reply.json()).toMatchObject({ choices: [{ message: { content: 'You said: hello' } }] })
    const { client, close } = await openGrpcServer({}, config)
    onTestFinished(close)
    const said = await new Promise<Message>((resolve, reject) => client.Complete?.({ messages: [{ role: 2, text_content: 'hello' }], model: 'gpt-5.5' }, metadata(), {}, (error, answer) => (error ? reject(error) : resolve(answer as never as Message))))
    expect(said.content_blocks.map((block) => block.text_block?.text ?? '').join('')).toBe('You said: hello')
    expectTunnelled(network)
  })
})

test.each(['sse', 'websocket', 'auto'] as const)('a proxy that refuses the password is told by its address and what to do, without the password, over %s', async (transport) => {
  const network = await openNetwork({ password: 'another made-up:one' })
  const { provider } = await mountOn(network.twin, { config: { transport, max_retries: 0 } })
  const failure = await failureOf(provider.complete(ask('hello')))
  expect(failure).toMatchObject({ name: 'ConfigurationError', retryable: false, message: expect.stringMatching(/the proxy 127\.0\.0\.1:\d+ refused the user and password in [a-zA-Z]+_(?:proxy|PROXY)/) as string })
  expect(JSON.stringify(failure) + String(failure.stack)).not.toMatch(/another made-up|another%20made/)
  expect(network.twin.requests).toEqual([])
})

test.each(['sse', 'websocket'] as const)('a proxy that dies in the middle of an answer over %s cuts it once: what came is kept, nothing is sent again, and the next call goes through', async (transport) => {
  const { twin, proxy } = await openNetwork()
  const { provider } = await mountOn(twin, { config: { transport, max_retries: 3 } })
  twin.enqueue({ text: 'one two three four five six seven eight', stallAfterEvents: 8, eventsPerWrite: 1 })
  const stream = provider.stream(ask('long'))
  let text = ''
  let ended: unknown
  for await (const event of stream) {
    if (event.type === 'text.delta' && text === '') proxy.closeConnections()
    if (event.type === 'text.delta') text += event.text
    if (event.type === 'error') ended = event.error
  }
  expect(ended).toMatchObject({ type: 'StreamError' })
  const failure = await failureOf(stream.response())
  expect(failure).toMatchObject({ name: 'StreamError', may_have_run: true })
  expect(failure.partial?.content).toEqual([{ type: 'text', text }])
  expect(twin.responses()).toHaveLength(1)
  expect(textOf(await collect(provider.stream(ask('next'))))).toBe('You said: next')
})

test.each(['sse', 'websocket', 'auto'] as const)('a proxy that is gone is a typed error, unsent, over %s, and one that is back serves', async (transport) => {
  const network = await openNetwork()
  const { provider } = await mountOn(network.twin, { config: { transport, max_retries: 0 } })
  const { port } = network.proxy
  await network.proxy.close(true)
  expect(await failureOf(provider.complete(ask('hello')))).toMatchObject({ name: 'NetworkError', code: 'ECONNREFUSED', message: expect.stringContaining('the proxy settings') as string })
  const again = new Server({ host: '127.0.0.1', port })
  await again.listen()
  onTestFinished(() => again.close(true))
  expect(textOf(await collect(provider.stream(ask('hello'))))).toBe('You said: hello')
})
