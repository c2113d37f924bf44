import { request as httpRequest } from 'node:http'
import { createServer, connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { saveSignIn, signInWithBrowser, type SignIn } from '../../src/auth/index.js'
import { startStand, type Stand } from './support/stand.js'

/** What a browser would do with the address: follows it to the callback, without a browser. */
async function followTo(url: string): Promise<string> {
  const reply = await fetch(url, { redirect: 'manual' })
  const location = reply.headers.get('location')
  if (location === null) throw new Error(`no redirect: ${reply.status} ${await reply.text()}`)
  return location
}

function begin(stand: Stand, options: { ports?: number[]; signal?: AbortSignal; delay?: (ms: number) => Promise<void>; workspaceId?: string } = {}) {
  let show: (url: string) => void = () => undefined
  const shown = new Promise<string>((resolve) => (show = resolve))
  const signedIn = signInWithBrowser({
    transport: stand.transport,
    issuer: stand.lane.issuer,
    clientId: stand.lane.clientId,
    ports: options.ports ?? [0],
    show: ({ url }) => show(url),
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.delay ? { delay: options.delay } : {}),
    ...(options.workspaceId ? { workspaceId: options.workspaceId } : {}),
  })
  signedIn.catch(() => undefined)
  return { shown, signedIn }
}

function rawStatus(port: number, options: { method?: string; path: string; headers?: Record<string, string>; body?: Buffer }): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method: options.method ?? 'GET', path: options.path, headers: options.headers ?? {}, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    // A server that has answered may end the connection while we still send.
    request.on('error', (error) => setImmediate(() => reject(error)))
    request.end(options.body)
  })
}

const callbackOf = (authorizeUrl: string) => new URL(new URL(authorizeUrl).searchParams.get('redirect_uri') ?? '')

describe('browser sign-in', () => {
  test('asks with PKCE, takes the callback, exchanges the code and tells the browser', async () => {
    const stand = await startStand()
    const { shown, signedIn } = begin(stand)
    const url = new URL(await shown)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: 'app_EMoamEEZ73f0CkXaXp7hrann',
      redirect_uri: `http://localhost:${callbackOf(url.href).port}/auth/callback`,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^[\w-]{43}$/) as string,
      scope: 'openid profile email offline_access',
      id_token_add_organizations: 'true',
      codex_cli_simplified_flow: 'true',
      originator: 'amplifier',
    })
    const page = await fetch(await followTo(url.href))
    expect(page.url).toMatch(/\/done$/)
    expect(await page.text()).toContain('<h1>Signed in</h1>')
    expect(page.headers.get('cache-control')).toBe('no-store')
    const record = await saveSignIn({ lane: stand.lane, store: stand.store, signIn: await signedIn })
    expect(record).toMatchObject({ account_id: stand.twin.accountId, client_id: 'app_EMoamEEZ73f0CkXaXp7hrann' })
    await expect(fetch(callbackOf(url.href))).rejects.toThrow()
  })

  test.each([
    ['deny', 'AccessDeniedError', 'access_denied'],
    ['missing_entitlement', 'AccessDeniedError', 'missing_codex_entitlement'],
  ] as const)('that the user ends with %s says so in the browser and here', async (browser, name, code) => {
    const stand = await startStand({ twin: { browser } })
    const { shown, signedIn } = begin(stand)
    const page = await fetch(await followTo(await shown))
    expect(await page.text()).toContain('<h1>Sign-in failed</h1>')
    await expect(signedIn).rejects.toMatchObject({ name, code })
  })

  test('into a workspace that is not allowed is refused', async () => {
    const stand = await startStand()
    const { shown, signedIn } = begin(stand, { workspaceId: 'another' })
    await fetch(await followTo(await shown))
    await expect(signedIn).rejects.toMatchObject({ name: 'AccessDeniedError' })
  })

  test('that nobody finishes times out, and the sign-in that was there stays', async () => {
    const stand = await startStand()
    const tokens = stand.twin.issueTokens()
    await stand.store.save({ ...tokens })
    const { signedIn, shown } = begin(stand, { delay: async () => undefined })
    await expect(signedIn).rejects.toMatchObject({ name: 'LLMTimeoutError', code: 'sign_in_timeout' })
    await expect(fetch(callbackOf(await shown))).rejects.toThrow()
    expect(await stand.store.load()).toMatchObject({ record: { refresh_token: tokens.refresh_token } })
  })

  test('that is cancelled closes its port', async () => {
    const stand = await startStand()
    const controller = new AbortController()
    const { signedIn, shown } = begin(stand, { signal: controller.signal })
    const callback = callbackOf(await shown)
    controller.abort()
    await expect(signedIn).rejects.toMatchObject({ name: 'AbortError' })
    await expect(fetch(callback)).rejects.toThrow()
  })
})

describe('the callback refuses', () => {
  async function open() {
    const stand = await startStand()
    const started = begin(stand)
    const url = await started.shown
    const port = Number(callbackOf(url).port)
    const target = new URL(await followTo(url))
    return { ...started, port, path: `${target.pathname}${target.search}`, state: target.searchParams.get('state') ?? '', stand, url }
  }

  test('every request that is not its own, and takes its own afterwards, once', async () => {
    const { port, path, signedIn } = await open()
    const host = `localhost:${port}`
    const wrongState = path.replace(/state=[^&]+/, 'state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
    expect(await rawStatus(port, { path, headers: { host: 'evil.example' } })).toBe(403)
    expect(await rawStatus(port, { path, headers: { host: `localhost:${port + 1}` } })).toBe(403)
    expect(await rawStatus(port, { path, method: 'POST', headers: { host } })).toBe(405)
    expect(await rawStatus(port, { path, method: 'OPTIONS', headers: { host } })).toBe(405)
    expect(await rawStatus(port, { path: wrongState, headers: { host } })).toBe(400)
    expect(await rawStatus(port, { path: '/auth/callback?code=x', headers: { host } })).toBe(400)
    expect(await rawStatus(port, { path: '/auth/callback?code=x&state=', headers: { host } })).toBe(400)
    // An error of somebody else's ends nothing either.
    expect(await rawStatus(port, { path: '/auth/callback?error=access_denied&state=AAAA', headers: { host } })).toBe(400)
    expect(await rawStatus(port, { path: '/auth/callback?error=access_denied', headers: { host } })).toBe(400)
    expect(await rawStatus(port, { path: path.replace('/auth/', '/x/../auth/'), headers: { host } })).toBe(404)
    expect(await rawStatus(port, { path: path.replace('/auth/', '/auth/%2e%2e/auth/'), headers: { host } })).toBe(404)
    expect(await rawStatus(port, { path: '/../../etc/passwd', headers: { host } })).toBe(404)
    expect(await rawStatus(port, { path: '/done', headers: { host } })).toBe(404)
    expect(await rawStatus(port, { path: '/cancel', headers: { host, 'sec-fetch-site': 'cross-site' } })).toBe(403)
    expect(await rawStatus(port, { path, headers: { host, 'content-length': String(10 * 1024 * 1024) }, body: Buffer.alloc(10 * 1024 * 1024) }).catch(() => 413)).toBe(413)
    expect(await rawStatus(port, { path: `${path}&filling=${'x'.repeat(10 * 1024 * 1024)}`, headers: { host } }).catch(() => 431)).toBe(431)
    const first = rawStatus(port, { path, headers: { host } })
    await signedIn
    expect(await first).toBe(302)
  })

  test('a replay while the first one is exchanged', async () => {
    const { port, path, signedIn, stand } = await open()
    stand.twin.refuse('/oauth/token', { status: 503, delayMs: 300, times: 1 })
    const headers = { host: `127.0.0.1:${port}` }
    const first = rawStatus(port, { path, headers })
    await expect.poll(() => stand.twin.requests.some((request) => request.path === '/oauth/token'), { interval: 5 }).toBe(true)
    expect(await rawStatus(port, { path, headers })).toBe(410)
    await expect(signedIn).rejects.toMatchObject({ name: 'AuthenticationError', status_code: 503 })
    expect(await first).toBe(302)
  })

  test('a connection that says nothing, without waiting for it when the sign-in ends', async () => {
    const { port, path, signedIn } = await open()
    const silent = connect(port, '127.0.0.1')
    silent.on('error', () => undefined)
    await new Promise((resolve) => silent.once('connect', resolve))
    const gone = new Promise((resolve) => silent.once('close', resolve))
    await fetch(`http://localhost:${port}${path}`)
    await signedIn
    await gone
  })
})

describe('a busy port', () => {
  test('of an older sign-in is given up by it', async () => {
    const stand = await startStand()
    const first = begin(stand)
    const port = Number(callbackOf(await first.shown).port)
    const second = begin(stand, { ports: [port] })
    await expect(first.signedIn).rejects.toMatchObject({ name: 'AbortError', code: 'sign_in_superseded' })
    await fetch(await followTo(await second.shown))
    expect(((await second.signedIn) satisfies SignIn).reply.access_token).toBeDefined()
  })

  test('of another program leads to the next allowed one, after ten tries', async () => {
    const stand = await startStand()
    const stranger = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void stranger.close())
    const address = stranger.address()
    const busy = typeof address === 'object' && address ? address.port : 0
    const waits: number[] = []
    const { shown, signedIn } = begin(stand, { ports: [busy, 0], delay: async (ms) => {
      waits.push(ms)
      if (ms > 1000) await new Promise(() => undefined)
    } })
    await fetch(await followTo(await shown))
    await signedIn
    expect(waits.filter((ms) => ms === 200).length).toBe(9)
    expect(Number(callbackOf(await shown).port)).not.toBe(busy)
  })

  test('and no other is an error that names them', async () => {
    const stand = await startStand()
    const stranger = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void stranger.close())
    const address = stranger.address()
    const busy = typeof address === 'object' && address ? address.port : 0
    await expect(begin(stand, { ports: [busy], delay: async () => undefined }).signedIn).rejects.toMatchObject({
      name: 'ConfigurationError', message: expect.stringContaining(`port ${busy} of 127.0.0.1`) as string,
    })
  })
})
