import { ConfigurationError } from '../contract/index.js'
import { delay, isRecord, parseJson, readString } from '../lib/index.js'
import type { PageState } from '../page/index.js'
import { createServerAsker, type AskServer } from './ask-server.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { wrap } from './format-table.js'
import { createPrint, type Print } from './print.js'
import { describeWindow } from './status.js'

const EVERY_MS = 1000
/** Home, then the rest of the screen cleared: nothing flickers. */
const HOME = '\u001b[H'
const CLEAR_BELOW = '\u001b[J'
const CLEAR_LINE = '\u001b[K'
const ALTERNATE = { on: '\u001b[?1049h\u001b[?25l', off: '\u001b[?25h\u001b[?1049l' }
const CALLS_SHOWN = 12
/** Of a terminal that does not say its own. */
const WIDTH = 80

/** What a running `serve --http` does now, until q or Ctrl-C; in a pipe, or under `--json`, once. */
export async function top(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const { stdout, stdin } = context.terminal
  const askServer = createServerAsker(context, flags)
  if (flags.link === true) return printLink(context, flags, askServer)
  const ask = createAsker(askServer)
  const print = createPrint(context, flags)
  if (print.json || stdout.isTTY !== true) {
    const state = await ask()
    show(print, state, WIDTH)
    print.value(state)
    return EXIT.ok
  }
  const stop = new AbortController()
  const onKey = (key: Buffer | string): void => { if (/^[qQ\u0003]/.test(String(key))) stop.abort() }
  const raw = (on: boolean): void => { if ('setRawMode' in stdin && typeof stdin.setRawMode === 'function') stdin.setRawMode(on) }
  const signal = AbortSignal.any([stop.signal, context.signal])
  stdout.write(ALTERNATE.on)
  raw(true)
  stdin.on('data', onKey)
  try {
    while (!signal.aborted) {
      const state = await ask()
      stdout.write(HOME)
      show({ ...print, line: (text = '') => print.line(text, `${CLEAR_LINE}\n`) }, state, stdout.columns ?? WIDTH)
      stdout.write(CLEAR_BELOW)
      await delay(EVERY_MS, { signal }).catch(() => undefined)
    }
    return EXIT.ok
  } finally {
    raw(false)
    stdin.off('data', onKey)
    stdin.pause()
    stdout.write(ALTERNATE.off)
  }
}

function createAsker(askServer: AskServer): () => Promise<PageState> {
  return async () => {
    const { status, text, at } = await askServer('GET', '/page/state')
    const state = parseJson(text)
    if (status !== 200 || !isRecord(state) || !Array.isArray(state['running'])) throw notOurs(at)
    return state as unknown as PageState
  }
}

/** Prints a link that opens the page once; the one before it, if nobody has used it, opens nothing any more. */
async function printLink(context: CommandContext, flags: Record<string, unknown>, askServer: AskServer): Promise<number> {
  const print = createPrint(context, flags)
  const { status, text, at } = await askServer('POST', '/page/link')
  const reply = parseJson(text)
  const once = isRecord(reply) ? readString(reply, 'once') : undefined
  if (status !== 200 || once === undefined) throw notOurs(at)
  if (!URL.canParse(at)) throw new ConfigurationError(`a browser opens no socket file, and ${at} is one: start serve --http at a port for its page`, { code: 'usage' })
  const page = `${new URL('/', at).href}?once=${once}`
  print.line(page)
  print.value({ page })
  return EXIT.ok
}

const notOurs = (at: string): ConfigurationError => new ConfigurationError(`what answers at ${at} is no serve --http of this version`, { code: 'usage' })

function show(print: Print, state: PageState, width: number): void {
  const { totals, running, recent, errors, concurrency, windows } = state
  print.line(`${print.paint.bold('amplifier-chatgpt')} ${state.now.slice(0, 19)}Z   ${running.length} running, ${concurrency.waiting} waiting, ${concurrency.limit} at a time`)
  print.line(`${totals.calls} ended, ${totals.errors} failed; ${totals.input_tokens} in (${totals.cached_tokens} cached), ${totals.output_tokens} out`)
  for (const window of windows) for (const line of describeWindow(print, window).split(', ')) print.line(line)
  print.line()
  const now = Date.parse(state.now)
  const row = (...cells: readonly (readonly [text: string, width: number])[]): string => cells.map(([text, width]) => (text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width))).join(' ')
  print.line(print.paint.dim(row(['model', 18], ['role', 14], ['agent', 16], ['now', 11], ['seconds', 7], ['out', 7])))
  for (const call of [...running, ...recent].slice(0, CALLS_SHOWN)) {
    const seconds = (call.ended?.duration_ms ?? now - Date.parse(call.started_at)) / 1000
    const step = call.ended ? (call.ended.status === 'ok' ? 'done' : 'failed') : (call.phases.at(-1)?.phase ?? 'begins')
    print.line(row([call.model || call.requested_model, 18], [call.role, 14], [call.agent, 16], [step, 11], [seconds.toFixed(1).padStart(7), 7], [String(call.ended?.output_tokens ?? '').padStart(7), 7]))
  }
  const [last] = errors
  if (last) for (const line of wrap(`${last.at.slice(11, 19)}Z ${last.type}: ${last.message}`, Math.max(20, width - 1))) print.line(print.paint.red(line))
}
