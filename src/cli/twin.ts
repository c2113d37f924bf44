import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ConfigurationError, ProviderUnavailableError } from '../contract/index.js'
import { describeListenFailure, isRecord, parseJson } from '../lib/index.js'
import { startTwin, type Twin, type TwinOptions } from '../twin/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { exceptFromProxy } from './past-proxy.js'
import { createPrint } from './print.js'
import { readPort } from './read-port.js'
import { writeNotice } from './terminal.js'

const START_MS = 15_000

/**
 * The backend's stand-in for the other commands: prints the variables that lead them there, already signed in, as lines for
 * `eval`; serves until it is interrupted, or with `--background` on its own until `kill`.
 */
export async function twin(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  return flags.background === true ? startBehind(context, flags) : serveHere(context, flags)
}

async function serveHere(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const standIn = await start({ port: readPort(flags.port) ?? 0, eventDelayMs: readDelay(flags.delay), control: true })
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-twin-'))
  try {
    const file = join(folder, 'openai-chatgpt-oauth.json')
    await writeFile(file, JSON.stringify(standIn.issueTokens()), { mode: 0o600 })
    const variables = {
      AMPLIFIER_CHATGPT_BASE_URL: standIn.baseUrl, AMPLIFIER_CHATGPT_ISSUER: standIn.issuer, AMPLIFIER_CHATGPT_TOKEN_FILE: file,
      AMPLIFIER_CHATGPT_TWIN_PID: String(process.pid), ...exceptFromProxy(context.terminal.env, standIn.url),
    }
    if (print.json) print.record(variables)
    else context.terminal.stdout.write(formatExports(variables))
    writeNotice(context.terminal, `The stand-in listens at ${standIn.url}; nothing leaves this machine. Ctrl-C ends it.`)
    await untilEnded(context.signal)
    return EXIT.ok
  } finally {
    await standIn.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A process of its own, which lives on; its first line tells where it listens. */
async function startBehind(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const [, program] = process.argv
  if (program === undefined) throw new ConfigurationError('--background starts the command line anew, and it has no file here', { code: 'usage' })
  const port = flags.port === undefined ? [] : ['--port', String(readPort(flags.port))]
  const delay = flags.delay === undefined ? [] : ['--delay', String(readDelay(flags.delay))]
  const child = spawn(process.execPath, [program, 'twin', '--json', ...port, ...delay], { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: context.terminal.env })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { words += text })
  const lines = createInterface(child.stdout)
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(START_MS)])
  const [first] = (await Promise.race([once(lines, 'line', { signal }), once(child, 'close', { signal }).then(() => [''])])) as [string]
  const variables = parseJson(first)
  if (!isRecord(variables)) {
    child.kill()
    throw new ProviderUnavailableError(`the stand-in did not start: ${words.trim()}`)
  }
  lines.close()
  child.stdout.destroy()
  child.stderr.destroy()
  child.unref()
  const print = createPrint(context, flags)
  if (print.json) print.record(variables)
  else context.terminal.stdout.write(formatExports(variables))
  return EXIT.ok
}

async function start(options: TwinOptions & { port: number }): Promise<Twin> {
  try {
    return await startTwin(options)
  } catch (error) {
    const known = describeListenFailure(error, { host: '127.0.0.1', port: options.port })
    throw known ? new ConfigurationError(known.message, { code: known.code, cause: error }) : error
  }
}

const MOST_DELAY_MS = 60_000

function readDelay(value: unknown): number {
  const ms = value === undefined ? 0 : Number(value)
  if (Number.isInteger(ms) && ms >= 0 && ms <= MOST_DELAY_MS) return ms
  throw new ConfigurationError(`--delay takes milliseconds from 0 to ${MOST_DELAY_MS}, found ${JSON.stringify(value)}`, { code: 'usage' })
}

/** For sh, bash and zsh. */
function formatExports(variables: Record<string, unknown>): string {
  return Object.entries(variables).map(([name, value]) => `export ${name}='${String(value).replaceAll("'", "'\\''")}'\n`).join('')
}

async function untilEnded(signal: AbortSignal): Promise<void> {
  const end = new AbortController()
  const stop = () => end.abort()
  process.once('SIGTERM', stop)
  try {
    const both = AbortSignal.any([signal, end.signal])
    // A pending promise alone doesn't keep the process: the listening server does.
    if (!both.aborted) await once(both, 'abort')
  } finally {
    process.off('SIGTERM', stop)
  }
}
