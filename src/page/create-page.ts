import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { WindowOutlook } from '../account/index.js'
import type { LiveBoard, LiveSnapshot } from '../usage/index.js'
import { formatMetrics } from './format-metrics.js'

/** What the page shows; names as programs read them. */
export interface PageState extends LiveSnapshot {
  /** ISO 8601 */
  now: string
  signed_in: boolean
  lane: string
  transport: { kind: string; reason: string }
  concurrency: { limit: number; running: number; waiting: number }
  windows: WindowOutlook[]
  /** as they are in force now, with why */
  roles: { role: string; status: string; model: string; candidates: { model: string; status: string; detail: string }[] }[]
}

export interface PageOptions {
  board: LiveBoard
  /** everything but what the board knows */
  describe: () => Promise<Omit<PageState, keyof LiveSnapshot | 'now'>>
  /** what programs scrape beside the board's counts, every few seconds: without roles and samples */
  measure: () => Pick<PageState, 'windows' | 'concurrency'>
  /** ms since 1970 */
  now?: () => number
}

export interface Page {
  /** A new word for a one-time link, `/?once=WORD`: used up by its first use, and by the next word. */
  offer(): string
  /** Whether the path is the page's own. */
  owns(path: string): boolean
  /** Answers a GET of the page's own paths. False where the path is another's, or where a program asks that nobody let in. */
  answer(request: IncomingMessage, response: ServerResponse, options: { admitted: boolean }): Promise<boolean>
  /** Ends every stream; twice without harm. */
  close(): void
}

const ASSETS: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/page/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page/render.js': ['render.js', 'text/javascript; charset=utf-8'],
  '/page/pace-plot.js': ['pace-plot.js', 'text/javascript; charset=utf-8'],
  '/page/generated/uplot.css': ['generated/uplot.css', 'text/css; charset=utf-8'],
  '/page/generated/uplot.js': ['generated/uplot.js', 'text/javascript; charset=utf-8'],
}
const OTHERS: readonly string[] = ['/page/events', '/page/state', '/metrics']
const HEADERS = {
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}
/** For a person whose link is used up, is of before a restart, or was never there. */
const NO_LINK = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>amplifier-chatgpt</title>
<h1>This link opens the page no more</h1>
<p>A link opens it once, in one browser, until the server restarts. A new one:</p>
<pre>AMPLIFIER_CHATGPT_HTTP_KEY=local-… amplifier-chatgpt top --link --url BASE_URL</pre>
<p>with a key of the server and the base URL that <code>serve --http</code> printed.</p>
</html>
`
/** Changes come in bursts: the page is told of them together. */
const TELL_AFTER_MS = 400
/** The pace moves while nothing is asked. */
const TELL_EVERY_MS = 5000
/** A browser that reads so little behind is cut off; it comes back by itself. */
const MOST_UNREAD = 1 << 20
const MOST_STREAMS = 20

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The page of one server. Its browser is let in once, by the link, and then known by a cookie of this server alone. */
export function createPage({ board, describe, measure, now = Date.now }: PageOptions): Page {
  let once: string | undefined
  const session = randomBytes(24).toString('base64url')
  const streams = createStreams(async () => JSON.stringify(await state()))
  const state = async (): Promise<PageState> => ({ now: new Date(now()).toISOString(), ...(await describe()), ...board.snapshot() })
  const unwatch = board.watch(streams.changed)
  return {
    offer: () => (once = randomBytes(24).toString('base64url')),
    owns: (path) => Object.hasOwn(ASSETS, path) || OTHERS.includes(path),
    async answer(request, response, { admitted }) {
      const url = new URL(request.url ?? '/', 'http://localhost')
      const cookie = `amplifier_chatgpt_${request.socket.localPort ?? 0}`
      const word = url.pathname === '/' ? url.searchParams.get('once') : null
      if (word !== null && once !== undefined && timingSafeEqual(digest(word), digest(once))) {
        once = undefined
        // Lax: the link is followed from a terminal or a chat, and Strict would lose the cookie on the way back from it.
        response.writeHead(303, { ...HEADERS, location: '/', 'set-cookie': `${cookie}=${session}; Path=/; HttpOnly; SameSite=Lax` }).end()
        return true
      }
      if (!admitted && !hasCookie(request, cookie, session)) {
        const isPerson = url.pathname === '/' && (request.headers.accept ?? '').includes('text/html')
        return isPerson && send(response, 'text/html; charset=utf-8', NO_LINK, 401)
      }
      if (url.pathname === '/page/events') return streams.open(response)
      if (url.pathname === '/page/state') return send(response, 'application/json', JSON.stringify(await state()))
      if (url.pathname === '/metrics') return send(response, 'text/plain; version=0.0.4; charset=utf-8', formatMetrics({ board, ...measure() }))
      const [file, type] = ASSETS[url.pathname] ?? []
      if (file === undefined || type === undefined) return false
      return send(response, type, await readFile(fileURLToPath(new URL(`../../page/${file}`, import.meta.url))))
    },
    close() {
      unwatch()
      streams.close()
    },
  }
}

function send(response: ServerResponse, type: string, body: string | Buffer, status = 200): true {
  response.writeHead(status, { ...HEADERS, 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body)
  return true
}

function hasCookie(request: IncomingMessage, name: string, wanted: string): boolean {
  const found = (request.headers.cookie ?? '').split(/; */).find((pair) => pair.startsWith(`${name}=`))
  return found !== undefined && timingSafeEqual(digest(found.slice(name.length + 1)), digest(wanted))
}

/** Server-sent events: the whole state, soon after a change and every few seconds. */
function createStreams(describe: () => Promise<string>) {
  const open = new Set<ServerResponse>()
  let timer: NodeJS.Timeout | undefined
  let changed = false
  const tell = async (): Promise<void> => {
    timer = undefined
    changed = false
    if (open.size === 0) return
    const text = await describe().catch(() => undefined)
    for (const response of open) {
      if (text !== undefined) response.write(`data: ${text}\n\n`)
      if (response.writableLength > MOST_UNREAD) response.destroy()
    }
    schedule(changed ? TELL_AFTER_MS : TELL_EVERY_MS)
  }
  const schedule = (ms: number): void => {
    if (open.size === 0) return
    timer ??= setTimeout(() => void tell(), ms)
    timer.unref()
  }
  return {
    changed(): void {
      if (changed || open.size === 0) return
      changed = true
      clearTimeout(timer)
      timer = undefined
      schedule(TELL_AFTER_MS)
    },
    open(response: ServerResponse): Promise<true> {
      const [oldest] = open
      if (open.size >= MOST_STREAMS) oldest?.destroy()
      response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' })
      response.write('retry: 1000\n\n')
      open.add(response)
      clearTimeout(timer)
      void tell()
      return new Promise((resolve) => response.once('close', () => {
        open.delete(response)
        resolve(true)
      }))
    },
    close(): void {
      clearTimeout(timer)
      for (const response of open) response.end()
    },
  }
}
