import { existsSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import axe from 'axe-core'
import { chromium, type Browser, type Page as BrowserPage } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPageDescriber } from '../../src/cli/describe-page.js'
import { createHttpServer, type HttpServer } from '../../src/http/index.js'
import { createPage, type Page } from '../../src/page/index.js'
import type { ModelRoleResolver } from '../../src/routing/index.js'
import { createLiveBoard } from '../../src/usage/index.js'
import { ask, mountOnTwin, type Mounted } from '../support/mounted.js'

/** What the browser is asked for: texts, since the tests know no DOM. */
const FIGURES = `Object.fromEntries([...document.querySelectorAll('[data-total]')].map((element) => [element.getAttribute('data-total'), Number(element.textContent.replaceAll(',', ''))]))`

/** A browser of the machine's; CHROMIUM names another. */
const EXECUTABLE = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path !== '' && existsSync(path))
if (EXECUTABLE === undefined) console.log('the page in a browser is skipped: there is no Chromium here; CHROMIUM=/path/to/it names one')

const AGENTS = 12
const CALLS = 4
const usageOf = (index: number) => ({
  input_tokens: 1000 + index, input_tokens_details: { cached_tokens: 500 }, output_tokens: 10 + index, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 1010 + 2 * index,
})

let mounted: Mounted
let server: HttpServer
let page: Page
/** The provider's clock stands this far ahead of the machine's. */
let aheadMs = 0
const now = () => Date.now() + aheadMs
const board = createLiveBoard()

beforeAll(async () => {
  mounted = await mountOnTwin({ parts: { observers: [board], now } })
  const resolver = mounted.host.coordinator.getCapability('model_role_resolver') as ModelRoleResolver | undefined
  page = createPage({ board, ...createPageDescriber({ provider: mounted.provider, resolver }), now })
  server = await createHttpServer({ provider: mounted.provider, key: 'made-up-key', page, allowHosts: ['*'] })
}, 60_000)
afterAll(async () => {
  await server.close()
  await mounted.close()
})

const origin = () => new URL(server.baseUrl).origin
const work = async () => {
  const { twin, provider } = mounted
  twin.enqueue(...Array.from({ length: AGENTS * CALLS }, (_, index) => ({ text: `answer ${index}`, usage: usageOf(index) })))
  await Promise.all(Array.from({ length: AGENTS }, async (_, agent) => {
    for (let call = 0; call < CALLS; call++) {
      const request = ask('hello', { metadata: { agent: `agent-${agent}` }, conversation_id: `c${agent}` })
      await (agent % 2 === 0 ? provider.delegate('coding', request).response() : provider.complete(request))
    }
  }))
}

describe('who may see the page', () => {
  test('nobody without the link, its cookie or a key; the link works once', async () => {
    for (const path of ['/', '/metrics', '/page/state', '/page/events', '/page/page.js', '/?once=wrong']) expect([path, (await fetch(origin() + path)).status]).toEqual([path, 401])
    const fresh = createPage({ board, ...createPageDescriber({ provider: mounted.provider, resolver: undefined }) })
    const other = await createHttpServer({ provider: mounted.provider, key: 'made-up-key', page: fresh })
    try {
      const link = `${new URL('/', other.baseUrl).href}?once=${fresh.offer()}`
      const first = await fetch(link, { redirect: 'manual' })
      const cookie = first.headers.get('set-cookie') ?? ''
      expect([first.status, first.headers.get('location'), cookie]).toEqual([303, '/', expect.stringMatching(/^amplifier_chatgpt_\d+=[\w-]{32}; Path=\/; HttpOnly; SameSite=Lax$/)])
      const again = await fetch(link, { redirect: 'manual', headers: { accept: 'text/html' } })
      expect([again.status, again.headers.get('content-type'), await again.text()]).toEqual([401, 'text/html; charset=utf-8', expect.stringContaining('top --link')])
      // A new one takes a key, by POST: what follows links alone cannot make one.
      const make = (method: string, headers: Record<string, string>) => fetch(new URL('/page/link', other.baseUrl), { method, headers })
      const cookied = { cookie: cookie.split(';')[0] ?? '' }
      const bearer = { authorization: 'Bearer made-up-key' }
      expect([(await make('POST', {})).status, (await make('POST', cookied)).status, (await make('GET', bearer)).status, (await make('POST', { ...bearer, origin: 'https://evil.example' })).status]).toEqual([401, 401, 404, 403])
      const [unused, last] = await Promise.all([1, 2].map(async () => (await (await make('POST', bearer)).json()) as { once: string }))
      const statuses = []
      for (const offer of [unused, last, last]) statuses.push((await fetch(new URL(`/?once=${offer?.once}`, other.baseUrl), { redirect: 'manual' })).status)
      expect(statuses.sort()).toEqual([303, 401, 401])
      const shown = await fetch(new URL('/', other.baseUrl), { headers: { cookie: cookie.split(';')[0] ?? '' } })
      expect([shown.status, shown.headers.get('content-security-policy')]).toEqual([200, expect.stringMatching(/^default-src 'none'; script-src 'self';/)])
      // The cookie opens the page alone: a browser never asks models with it.
      expect((await fetch(`${other.baseUrl}/models`, { headers: { cookie: cookie.split(';')[0] ?? '' } })).status).toBe(401)
    } finally {
      await other.close()
    }
  })

  test('a scraper with a key gets what has been counted, as Prometheus reads it', async () => {
    mounted.twin.enqueue({ text: 'one', usage: usageOf(0) })
    await mounted.provider.complete(ask('hello'))
    const answer = await fetch(`${origin()}/metrics`, { headers: { authorization: 'Bearer made-up-key' } })
    const text = await answer.text()
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^# (HELP|TYPE) [a-z_]+ .+$|^[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? -?[\d.e+]+$/)
    expect(text).toContain('amplifier_chatgpt_input_tokens_total{role="",model="gpt-5.5"} 1000\n')
    expect(text).toMatch(/amplifier_chatgpt_window_used_percent\{limit="codex",window_minutes="300"\} 12\n/)
  })
})

describe.skipIf(EXECUTABLE === undefined)('in a browser', () => {
  let browser: Browser
  let shown: BrowserPage
  let proxy: Awaited<ReturnType<typeof openProxy>>
  const told: string[] = []

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: EXECUTABLE as string, args: ['--no-sandbox', '--disable-gpu'] })
    proxy = await openProxy(Number(new URL(origin()).port))
    shown = await browser.newPage({ viewport: { width: 1200, height: 900 } })
    shown.on('console', (message) => told.push(message.text()))
    shown.on('request', (request) => { if (!request.url().startsWith(proxy.origin)) told.push(`beyond: ${request.url()}`) })
    await shown.goto(`${proxy.origin}/?once=${page.offer()}`)
    await shown.getByText('live', { exact: true }).waitFor().catch(async (error: unknown) => { throw new Error(`${String(error)}\n${told.join('\n')}\n${await shown.content()}`) })
  }, 120_000)
  afterAll(async () => {
    await browser.close()
    await proxy.close()
  })

  test('every figure is what the server counted, while and after twelve agents work', async () => {
    const before = mounted.twin.responses().length
    await work()
    const calls = mounted.twin.responses().length
    expect(calls - before).toBe(AGENTS * CALLS)
    const numbers = Array.from({ length: AGENTS * CALLS }, (_, index) => usageOf(index))
    const expected = { calls, input: 1000 + numbers.reduce((sum, usage) => sum + usage.input_tokens, 0), output: 10 + numbers.reduce((sum, usage) => sum + usage.output_tokens, 0), cached: 500 * calls, errors: 0 }
    await expect.poll(() => shown.evaluate(FIGURES), { timeout: 10_000 }).toEqual(expected)
    const rows = await shown.locator('#by-agent tbody tr').count()
    expect(rows).toBe(AGENTS + 1)
    expect(await shown.locator('[data-used="300"]').textContent()).toBe('12 %')
    expect(await shown.locator('#routes tbody tr').count()).toBe((await (mounted.host.coordinator.getCapability('model_role_resolver') as ModelRoleResolver).check()).roles.length)
  }, 60_000)

  test.each([
    ['light', 1200, 'light'], ['dark', 1200, 'dark'], ['phone', 375, 'light'],
  ] as const)('%s: no fault for axe, nothing wider than the screen', async (name, width, scheme) => {
    await shown.emulateMedia({ colorScheme: scheme })
    await shown.setViewportSize({ width, height: 900 })
    if (process.env.SCREENSHOTS) await shown.screenshot({ path: `${process.env.SCREENSHOTS}/page-${name}.png`, fullPage: true })
    await shown.evaluate(axe.source)
    const { violations } = (await shown.evaluate('axe.run()')) as { violations: { id: string; impact: string; nodes: { html: string }[] }[] }
    expect(violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0]?.html}`)).toEqual([])
    expect(await shown.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
  }, 60_000)

  test('the keyboard reaches the figures first, then each table', async () => {
    await shown.evaluate('document.activeElement?.blur()')
    const reached: string[] = []
    for (let press = 0; press < 5; press++) {
      await shown.keyboard.press('Tab')
      reached.push(String(await shown.evaluate(`document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? ''`)))
    }
    expect(reached).toEqual(['Skip to the figures', 'Calls that run and the last that ran', 'Table of usage by role', 'Table of usage by agent', 'Table of roles in force'])
  })

  test('a cut connection comes back by itself, with what was missed', async () => {
    proxy.cut()
    await shown.getByText('connection lost').waitFor({ timeout: 10_000 })
    mounted.twin.enqueue({ text: 'one more', usage: usageOf(0) })
    await mounted.provider.complete(ask('hello'))
    await shown.getByText('live', { exact: true }).waitFor({ timeout: 15_000 })
    await expect.poll(() => shown.locator('[data-total="calls"]').textContent(), { timeout: 10_000 }).toBe(String(mounted.twin.responses().length))
  }, 60_000)

  test('a window is plotted as it has filled and as it will, in words too, once there is something to plot', async () => {
    const { twin, provider } = mounted
    for (let step = 1; step <= 30; step++) {
      aheadMs += 120_000
      twin.setRateLimits({ primary: { used_percent: 12 + step, window_minutes: 300, reset_at: Math.floor(Date.now() / 1000) + 16_000 } })
      twin.enqueue({ text: 'one', usage: usageOf(0) })
      await provider.complete(ask('hello'))
    }
    const plot = shown.locator('.plot').first()
    await expect.poll(() => plot.getAttribute('aria-label'), { timeout: 15_000 }).toMatch(/^codex, 5 h: 13 % at .+, 42 % at .+; at this pace full at .+$/)
    const colours = '(() => { const canvas = document.querySelector(".plot canvas"); return new Set(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data).size })()'
    await expect.poll(() => shown.evaluate(colours), { timeout: 10_000 }).toBeGreaterThan(20)
    if (process.env.SCREENSHOTS) await shown.locator('#windows').screenshot({ path: `${process.env.SCREENSHOTS}/page-plot.png` })
    expect(await shown.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(375)
  }, 60_000)

  test('is under 150 KB with everything it loads', async () => {
    const sizes = (await shown.evaluate(`performance.getEntriesByType('resource').filter(({ name }) => !name.endsWith('/page/events')).map(({ name, decodedBodySize }) => [new URL(name).pathname, decodedBodySize])`)) as [string, number][]
    expect(sizes.map(([path]) => path).sort()).toEqual(['/page/generated/uplot.css', '/page/generated/uplot.js', '/page/pace-plot.js', '/page/page.css', '/page/page.js', '/page/render.js'])
    expect(sizes.reduce((sum, [, size]) => sum + size, 0)).toBeLessThan(150_000)
  })

  test('asked for nothing beyond its server, and broke no rule of its own policy', () => {
    expect(told.filter((line) => !/ERR_(CONNECTION|INCOMPLETE|EMPTY)/.test(line))).toEqual([])
  })
})

/** Between browser and server, to cut what lies between them. */
async function openProxy(port: number) {
  const sockets = new Set<Socket>()
  const listener = createServer((inner) => {
    const outer = connect(port, '127.0.0.1')
    for (const [one, other] of [[inner, outer], [outer, inner]] as const) {
      sockets.add(one)
      one.on('error', () => undefined).on('close', () => { sockets.delete(one); other.destroy() })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const cut = () => sockets.forEach((socket) => socket.destroy())
  return {
    origin: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cut,
    async close() {
      cut()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
