import { spawn } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { resolveOptions } from '../src/config/index.js'
import { composeMount } from '../src/container.js'
import { createHost } from '../src/host/index.js'
import descriptor, { createModule } from '../src/index.js'
import { createProcessShared } from '../src/process-shared.js'
import type { TwinReply } from '../src/twin/index.js'
import { mountApiKey, mountOn, mountPlan, openTwin } from './lanes/support.js'
import { ask, collect, type Mounted } from './support/mounted.js'
import { serveProxy } from './transport/support/servers.js'

/** Everything a log, a crash or a debugger's eye would show of a value: also what does not enumerate, where it is an error. */
function show(value: unknown): string {
  const shown = [inspect(value, { depth: 12, getters: false, maxStringLength: null, maxArrayLength: null }), stringify(value), asText(value)]
  for (let error = value; error instanceof Error; error = error.cause) {
    shown.push(String(error), error.stack ?? '', inspect(error, { depth: 12, showHidden: true, maxStringLength: null }), stringify({ ...error }))
  }
  if (Array.isArray(value)) shown.push(...value.filter((item) => item instanceof Error).map(show))
  return shown.join('\n')
}

const asText = (value: unknown): string => { try { return String(value) } catch { return '' } }
const stringify = (value: unknown): string => { try { return JSON.stringify(value) ?? '' } catch { return '' } }

/** Tokens that the twin gave this mount so far: those asked with, refreshed to and stored. */
async function secretsOf({ twin, config }: Mounted): Promise<string[]> {
  const sent = twin.requests.flatMap(({ headers, body }) => [headers['authorization']?.replace(/^Bearer /, ''), ...tokensIn(body)])
  const stored = await readFile(String(config['token_file_path']), 'utf8').then((text) => tokensIn(JSON.parse(text)), () => [])
  const secrets = [...new Set([...sent, ...stored, typeof config['api_key'] === 'string' ? config['api_key'] : undefined])]
  return secrets.filter((secret): secret is string => secret !== undefined && secret.length >= 8)
}

function tokensIn(body: unknown): (string | undefined)[] {
  if (typeof body !== 'object' || body === null) return []
  return ['access_token', 'refresh_token', 'id_token'].map((key) => {
    const value: unknown = Reflect.get(body, key)
    return typeof value === 'string' ? value : undefined
  })
}

function expectNone(shown: string, secrets: readonly string[]): void {
  expect(secrets.length).toBeGreaterThan(0)
  // The parts of a JWT count too; the head is the same for everybody.
  const parts = secrets.flatMap((secret) => [secret, ...secret.split('.').slice(1).filter((part) => part.length > 20)])
  const hits = parts.filter((part) => shown.includes(part)).map((part) => {
    const at = shown.indexOf(part)
    return shown.slice(Math.max(0, at - 160), at + 24)
  })
  expect(hits).toEqual([])
}

const everythingOf = (mounted: Mounted): unknown[] =>
  [mounted.events, mounted.warnings, mounted.provider, mounted.host, mounted.host.coordinator, mounted.provider.getInfo(), mounted.provider.transportChoice()]

/** A reply that repeats the bearer it was asked with, as some gateways do. */
function quote(token: string): Record<string, TwinReply> {
  const message = `Incorrect token provided: ${token}. See your account.`
  const refusals = [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503].map((status): [string, TwinReply] =>
    [`status ${status}`, { status, body: { error: { message, type: 'invalid_request_error', code: 'made_up', param: token } }, headers: { 'retry-after': '0', 'x-request-id': token, 'x-echo': token } }])
  return {
    ...Object.fromEntries(refusals),
    'a 403 page': { status: 403, body: `<html><title>Just a moment</title>${token}</html>`, headers: { 'content-type': 'text/html' } },
    'a 400 in plain text': { status: 400, body: `no: ${token}` },
    'a code that is the token': { status: 400, body: { error: { message, code: token, type: token } } },
    'a detail': { status: 403, body: { detail: message } },
    'a failed response': { failed: { code: 'server_error', message } },
    'a failed response after text': { text: 'some words before the end', failed: { code: 'made_up', message } },
    'an error event': { events: [{ type: 'error', error: { type: 'invalid_request_error', code: 'made_up', message } }] },
    'no answer at all': { reset: true, text: 'x' },
    'half an answer': { text: 'some words that end', cutAfterEvents: 5 },
    'broken JSON': { text: 'some words', malformedAfterEvents: 3 },
    'another content type': { status: 200, body: token, contentType: 'text/html' },
    'an event that is the token': { events: [token, { type: token }] },
    'a refusal by the filter': { text: 'some words', incomplete: 'content_filter' },
    'arguments that are no JSON': { toolCalls: [{ name: 'x', arguments: `{${token}` }] },
  }
}

async function bearerOf(mounted: Mounted): Promise<string> {
  await mounted.provider.complete(ask('hello'))
  return mounted.twin.responses().at(-1)?.headers['authorization']?.replace('Bearer ', '') ?? ''
}

async function failWith({ provider, twin }: Mounted, reply: TwinReply): Promise<unknown[]> {
  const seen: unknown[] = []
  twin.enqueue(reply)
  seen.push(await provider.complete(ask('hello')).catch((error: unknown) => error))
  twin.enqueue(reply)
  const stream = provider.stream(ask('hello'))
  seen.push((await collect(stream)).filter(({ type }) => type === 'error'), stream)
  seen.push(await stream.response().catch((error: unknown) => error))
  twin.enqueue(reply)
  seen.push(await provider.delegate('fast', ask('hello')).response().catch((error: unknown) => error))
  return seen
}

/** What a loop over the raw events ends with. */
async function drain(events: AsyncIterable<unknown>): Promise<unknown> {
  const seen: unknown[] = []
  try {
    for await (const event of events) seen.push(event)
  } catch (error) {
    return error
  }
  return seen
}

const KINDS = Object.keys(quote(''))
const FAST = { max_retries: 0, max_continuations: 0, raw: true }

describe.each(['sse', 'websocket'])('over %s, no secret leaves by', (transport) => {
  let mounted: Mounted
  let token = ''
  beforeAll(async () => {
    const { mountOnTwin } = await import('./support/mounted.js')
    mounted = await mountOnTwin({ config: { ...FAST, transport } })
    token = await bearerOf(mounted)
  })
  afterAll(() => mounted.close())

  test.each(KINDS)('%s', async (kind) => {
    const seen = await failWith(mounted, quote(token)[kind] as TwinReply)
    // What the model says is the caller's, whatever it is; everything else is ours.
    const ours = kind === 'arguments that are no JSON' ? [mounted.warnings] : [seen, ...everythingOf(mounted)]
    mounted.events.splice(0)
    expectNone(ours.map(show).join('\n'), await secretsOf(mounted))
  })
})

describe('no secret leaves by', () => {
  test.each(['plan', 'api_key'])('the failures of lane %s', async (lane) => {
    const twin = await openTwin()
    const mounted = lane === 'plan' ? await mountPlan(twin, FAST) : await mountApiKey(twin, FAST)
    const token = await bearerOf(mounted)
    const seen: unknown[] = []
    for (const kind of ['status 400', 'status 401', 'status 429', 'a failed response', 'half an answer']) {
      seen.push(...(await failWith(mounted, quote(token)[kind] as TwinReply)))
    }
    expectNone([seen, ...everythingOf(mounted)].map(show).join('\n'), await secretsOf(mounted))
  })

  test.each(['refresh_token_reused', 'refresh_token_expired', 'server_error', 'slow_down'])('a refresh that ends in %s and quotes what it was sent', async (error) => {
    const mounted = await mountOn(await openTwin(), { config: FAST })
    const { refresh_token: spent, access_token: bearer } = JSON.parse(await readFile(String(mounted.config['token_file_path']), 'utf8')) as Record<string, string>
    mounted.twin.expireAccessTokens()
    for (let n = 0; n < 5; n++) mounted.twin.enqueueRefresh({ error, status: error === 'server_error' ? 500 : 400, body: { error, error_description: `${spent} is spent, ${bearer} too` }, headers: { 'retry-after': '0' } })
    const seen = await mounted.provider.complete(ask('hello')).catch((thrown: unknown) => thrown)
    expect(seen).toBeInstanceOf(Error)
    expectNone([seen, ...everythingOf(mounted)].map(show).join('\n'), [...(await secretsOf(mounted)), String(spent), String(bearer)])
  })

  test('a key whose shape nobody knows, quoted in a refusal, a terminal event and at the raw doors', async () => {
    const key = 'made up by a proxy'.replaceAll(' ', '.')
    const mounted = await mountApiKey(await openTwin(), { ...FAST, api_key: key, max_retries: 1 })
    const seen: unknown[] = []
    for (const status of [400, 401, 429, 503]) {
      mounted.twin.refuse('/v1/responses', { status, body: { error: { message: `wrong: ${key}`, code: key, type: key } }, headers: { 'retry-after': '0', 'x-echo': key }, times: 4 })
      seen.push(await mounted.provider.complete(ask('hello')).catch((error: unknown) => error))
      seen.push(await collect(mounted.provider.stream(ask('hello'))))
      seen.push(await drain(mounted.provider.rawEvents(ask('hello'))))
    }
    mounted.twin.refuse('/v1/responses', { status: 403, body: `wrong: ${key}`, headers: { 'x-echo': key } })
    seen.push(await mounted.provider.openSocket().catch((error: unknown) => error))
    mounted.twin.refuse('/v1/models', { status: 400, body: { error: { message: `wrong: ${key}` } }, times: 4 })
    seen.push(await mounted.provider.listModels().catch((error: unknown) => error))
    expect(seen.filter((item) => item instanceof Error).length).toBeGreaterThanOrEqual(8)
    expectNone([seen, ...everythingOf(mounted)].map(show).join('\n'), [key])
  })

  test('a model list that is refused in words that quote the bearer', async () => {
    const mounted = await mountOn(await openTwin(), { config: FAST })
    const token = await bearerOf(mounted)
    for (const status of [400, 401, 403, 500]) mounted.twin.refuse('/backend-api/codex/models', { status, body: { detail: `no: ${token}` }, times: 3 })
    const seen = await mounted.provider.listModels().catch((error: unknown) => error)
    expectNone([seen, ...everythingOf(mounted)].map(show).join('\n'), await secretsOf(mounted))
  })

  test('a token file that is broken in the middle of a token', async () => {
    const twin = await openTwin()
    const tokens = twin.issueTokens()
    const texts = [JSON.stringify(tokens).slice(0, -20), `${tokens.access_token}`, `[${JSON.stringify(tokens.refresh_token)}]`, JSON.stringify({ ...tokens, account_id: 7, access_token: { token: tokens.access_token } }), `{access_token: ${tokens.access_token}}`]
    for (const text of texts) {
      const mounted = await mountOn(twin, { config: { login_on_mount: true }, prepare: ({ config }) => writeFile(String(config['token_file_path']), text, { mode: 0o600 }) })
      expect(mounted.warnings.length).toBeGreaterThan(0)
      expectNone(show([mounted.warnings, mounted.host]), [tokens.access_token, tokens.refresh_token, tokens.id_token])
    }
  })

  test('the configuration: a wrong key, a wrong type, a wrong address', async () => {
    const secret = 'sk-made-up-canary-7f3a'
    const host = createHost({ warn: () => undefined })
    onTestFinished(() => host.close())
    const configs: Record<string, unknown>[] = [
      { api_key: [secret] }, { api_key: { key: secret } }, { api_key: `${secret} with blanks`, lane: 'api_key' }, { lane: 'codex', api_key: secret, token_store: 'memory', login_on_mount: false },
      { apikey: secret, token_store: 'memory', login_on_mount: false }, { base_url: `https://user:${secret}@host.example/` }, { base_url: `https://user:pa/${secret}@host.example/` }, { issuer: `ftp://user:${secret}@host.example` },
      { token_store: 'redis', redis_url: `http://user:${secret}@host.example` }, { redis_url: [`redis://:${secret}@h`] }, { token_store: 'redis', redis_url: `redis://:${secret}@127.0.0.1:1` },
    ]
    for (const config of configs) {
      const warnings: string[] = []
      const seen = await createModule({ warn: (message) => void warnings.push(message) }).mount(host.coordinator, config).catch((error: unknown) => error)
      expectNone(show([seen, warnings]), [secret])
      expect(warnings.length > 0 || seen instanceof Error, JSON.stringify(config)).toBe(true)
    }
  })

  test('a proxy that refuses the password in its address', async () => {
    const password = 'made-up-proxy-canary'
    const proxy = await serveProxy({ requireAuth: 'Basic another' })
    for (const name of ['HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, proxy.url.replace('//', `//user:${password}@`))
    onTestFinished(() => void vi.unstubAllEnvs())
    for (const transport of ['sse', 'websocket', 'auto']) {
      const mounted = await mountOn(await openTwin(), { config: { ...FAST, transport } })
      const seen = await mounted.provider.complete(ask('hello')).catch((error: unknown) => error)
      expect(seen).toBeInstanceOf(Error)
      expectNone([seen, ...everythingOf(mounted)].map(show).join('\n'), [password, Buffer.from(`user:${password}`).toString('base64'), ...(await secretsOf(mounted))])
    }
  })
})

describe('nothing that can be held shows a secret', () => {
  async function partsOf(mounted: Mounted, lane = 'codex') {
    const { options } = resolveOptions({ ...mounted.config, lane })
    const mount = composeMount({ coordinator: mounted.host.coordinator, options, parts: { warn: () => undefined } }, createProcessShared())
    onTestFinished(() => mount.dispose())
    const credential = await mount.credentials.current()
    mount.useAccount(credential.accountKey)
    return { mount, credential, options }
  }

  test('neither printed nor as JSON: descriptor, provider, host, options, container, store, lane, credential, what a sign-in gave', async () => {
    const mounted = await mountOn(await openTwin())
    await mounted.provider.complete(ask('hello'))
    const { mount, credential, options } = await partsOf(mounted)
    const held = [descriptor, createModule(), mount, mount.store, mount.lane, mount.credentials, mount.transport, mount.redactor, mount.catalog, mount.quota, credential, options, ...everythingOf(mounted)]
    expectNone(held.map(show).join('\n'), await secretsOf(mounted))
    // A record is saved as JSON, so that shows it; printed, it does not.
    expectNone(inspect(await mount.store.load(), { depth: 9 }), await secretsOf(mounted))
    expect({ ...credential }).not.toHaveProperty('accessToken')
  })

  test('neither does the api_key lane', async () => {
    const mounted = await mountApiKey(await openTwin())
    await mounted.provider.complete(ask('hello'))
    const { mount, credential, options } = await partsOf(mounted, 'api_key')
    expectNone([mount, mount.lane, mount.credentials, credential, options, ...everythingOf(mounted)].map(show).join('\n'), [mounted.key])
  })
})

describe('a process of its own', () => {
  let built = ''
  const root = join(import.meta.dirname, '..')
  beforeAll(async () => {
    built = join(root, 'node_modules/.cache', `secrets-${process.pid}.mjs`)
    await build({
      stdin: { contents: "export { createModule } from './src/index.js'; export { createHost } from './src/host/index.js'", resolveDir: root, loader: 'ts' },
      outfile: built, bundle: true, packages: 'external', format: 'esm', platform: 'node', logLevel: 'error',
    })
  })
  afterAll(() => rm(built, { force: true }))

  async function crash(mounted: Mounted, env: Record<string, string>, body: string): Promise<{ output: string; code: number | null }> {
    const program = `
      import { createModule, createHost } from ${JSON.stringify(pathToFileURL(built).href)}
      const module = createModule()
      const host = createHost({ config: { providers: [{ module: module.id, config: ${JSON.stringify({ ...mounted.config, ...FAST, raw: false })} }] }, modules: { [module.id]: module } })
      await host.start()
      const provider = host.coordinator.get('providers', 'openai-chatgpt')
      const request = { messages: [{ role: 'user', content: 'hello' }] }
      ${body}`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: root, env: { ...process.env, ...env } })
    let output = ''
    for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (piece: Buffer) => (output += String(piece)))
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
    return { output, code }
  }

  test.each<[string, string, boolean]>([
    ['an error nobody catches', 'await provider.complete(request)', true],
    ['a rejection nobody handles', 'provider.complete(request); await new Promise((resolve) => setTimeout(resolve, 5000))', true],
    ['what is logged of everything in reach', 'console.log(provider, host, module, globalThis.process.env.NODE_DEBUG); console.dir(host, { depth: 20 }); await provider.complete(request).catch((error) => console.dir(error, { depth: 20, showHidden: true })); await host.close()', false],
  ])('prints no secret in %s', async (_title, body, crashes) => {
    const mounted = await mountOn(await openTwin())
    const token = await bearerOf(mounted)
    mounted.twin.enqueue({ status: 400, body: { error: { message: `no: ${token}`, code: 'made_up' } } })
    const { output, code } = await crash(mounted, {}, body)
    expect(output).toContain('made_up')
    expect(code).toBe(crashes ? 1 : 0)
    expectNone(output, await secretsOf(mounted))
  })

  test.each(['sse', 'websocket'])('prints no secret under the debug switches of Node and its libraries, over %s', async (transport) => {
    const mounted = await mountOn(await openTwin(), { config: { transport } })
    await bearerOf(mounted)
    mounted.twin.expireAccessTokens()
    const env = { NODE_DEBUG: 'http,https,net,tls,stream,undici,fetch,websocket,timer,http2', DEBUG: '*' }
    const { output } = await crash(mounted, env, 'const answer = await provider.complete(request); console.log(answer.finish_reason); await host.close()')
    expect(output).toContain('stop')
    expect(output).toMatch(/UNDICI|HTTP|NET/)
    expectNone(output, await secretsOf(mounted))
  })
})
