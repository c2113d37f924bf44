import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { openRedis } from '../account-storage.js'
import { suggestName } from '../config/index.js'
import { ConfigurationError, parseRoleName } from '../contract/index.js'
import { createHttpServer, createKeyFile, formatLogEntry, openResponseStore, type HttpServerOptions, type KeyFile, type ResponseStore, type StoreOptions } from '../http/index.js'
import { defined, findHomeFolder, isLoopback, readPlainFile, stringifyPrintable } from '../lib/index.js'
import { createPage } from '../page/index.js'
import { createLiveBoard } from '../usage/index.js'
import type { CommandContext } from './command-context.js'
import { openSession, type Session } from './open-session.js'
import { createPageDescriber } from './describe-page.js'
import type { RunningServer } from './running-server.js'
import { writeNotice, type Terminal } from './terminal.js'

type Flags = Record<string, unknown>

/** Below the 10 s after which container runtimes kill. */
const DRAIN_SECONDS = 8
const MAX_PEM_BYTES = 1024 * 1024

/** `serve --http`. @throws ConfigurationError, `port_in_use` where the port is taken; LLMError */
export async function openHttp(given: CommandContext, flags: Flags): Promise<RunningServer> {
  const { env } = given.terminal
  const { stderr } = given.terminal
  const context: CommandContext = flags.log === 'json' ? { ...given, terminal: { ...given.terminal, stderr: createJsonNotices(stderr) } } : given
  // A key of the caller's own keeps scripts from reading ours off the screen.
  const own = env.AMPLIFIER_CHATGPT_HTTP_KEY
  const key = own || `local-${randomBytes(24).toString('base64url')}`
  const options = { ...(await readOptions(context, flags, stderr)), key }
  const drainMs = (readAmount(flags, 'drainSeconds', 'drain-seconds', 86_400) ?? DRAIN_SECONDS) * 1000
  const keyFile = openKeyFile(flags)
  const named = await keyFile.list()
  const store = readStore(flags)
  warnOfOpenness(context, flags)
  if (store.kind !== 'memory' && !own && named.length === 0) {
    writeNotice(context.terminal, 'warning: responses belong to their key, and this key is gone with the server: add one that stays, with amplifier-chatgpt serve keys add NAME')
  }
  const board = createLiveBoard()
  const session = await openSession(context, flags, undefined, [board])
  const page = createPage({ board, ...createPageDescriber(session) })
  let kept: ResponseStore | undefined
  try {
    checkModelMap(options.messageModels, session.resolver?.known_roles ?? [])
    kept = await openResponseStore({ ...store, ...storeParts(session, env) })
    const server = await createHttpServer({
      ...options, provider: session.provider, roles: session.resolver?.known_roles ?? [], keys: keyFile.current, store: kept, page,
    })
    // A browser does not open socket files.
    const link = server.baseUrl.includes('+unix:') ? undefined : `${new URL('/', server.baseUrl).href}?once=${page.offer()}`
    const shown = own ? 'from AMPLIFIER_CHATGPT_HTTP_KEY' : key
    const network = findNetworkUrls(server.baseUrl)
    return {
      announcement: {
        text: [
          `base URL  ${server.baseUrl}`,
          ...network.map((url) => `network   ${url} (another machine's; by a name instead: --allow-host NAME)`),
          `key       ${shown}${own ? '' : ' (shown once)'}`,
          ...(link === undefined ? [] : [`page      ${link} (opens once; another: amplifier-chatgpt top --link)`]),
          `Ctrl-C ends it; from elsewhere: kill ${process.pid}\n`,
        ].join('\n'),
        value: { base_url: server.baseUrl, key: shown, pid: process.pid, ...defined({ page: link }), ...(network.length === 0 ? {} : { network_urls: network }) },
      },
      async close({ drain = false } = {}) {
        await server.close({ graceMs: drain ? drainMs : 0 })
        await session.close()
      },
    }
  } catch (error) {
    await kept?.close()
    await session.close()
    throw error
  }
}

/** The file of named keys, in the folder that `--data` names. */
export const openKeyFile = (flags: Flags): KeyFile => createKeyFile(join(dataFolder(flags), 'keys.json'))

function dataFolder({ data }: Flags): string {
  return typeof data === 'string' ? data : join(findHomeFolder(), '.amplifier', 'openai-chatgpt-http')
}

async function readOptions({ terminal }: CommandContext, flags: Flags, stderr: Terminal['stderr']): Promise<Omit<HttpServerOptions, 'provider' | 'roles' | 'key' | 'keys' | 'store'>> {
  const { log, socket, host, port } = flags
  if (log !== undefined && log !== 'json' && log !== 'pretty') throw usage(`--log takes json or pretty, found ${JSON.stringify(log)}`)
  if (socket !== undefined && (host !== undefined || port !== undefined)) throw usage('--socket takes the place of --host and --port')
  return {
    messageModels: readModelMap(flags.modelMap),
    allowHosts: readWords(flags.allowHost),
    allowOrigins: readWords(flags.allowOrigin),
    host: typeof host === 'string' ? host : undefined,
    port: typeof port === 'number' ? port : undefined,
    socketPath: typeof socket === 'string' ? socket : undefined,
    tls: await readTls(flags),
    log: log === undefined ? undefined : (entry) => void stderr.write(formatLogEntry(entry, log)),
    warn: (message) => writeNotice(terminal, message),
  }
}

async function readTls({ cert, key }: Flags): Promise<{ cert: string; key: string } | undefined> {
  if (cert === undefined && key === undefined) return undefined
  if (typeof cert !== 'string' || typeof key !== 'string') throw usage('--cert and --key go together')
  const pair = { cert: await readPem(cert, '--cert', 'CERTIFICATE'), key: await readPem(key, '--key', 'PRIVATE KEY') }
  if (!belongTogether(pair, `--cert ${cert} with --key ${key}`)) throw usage(`--key ${key} does not belong to --cert ${cert}`)
  return pair
}

function belongTogether({ cert, key }: { cert: string; key: string }, what: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    throw usage(`${what} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

async function readPem(path: string, flag: string, what: string): Promise<string> {
  const text = await readPlainFile(path, { maxBytes: MAX_PEM_BYTES }).catch((cause: unknown) => {
    throw new ConfigurationError(`${flag} ${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { code: 'usage' })
  })
  if (!new RegExp(`^-----BEGIN [A-Z ]*${what}-----`, 'm').test(text)) throw usage(`${flag} ${path} holds no ${what.toLowerCase()} as PEM`)
  return text
}

function readStore(flags: Flags): Pick<StoreOptions, 'folder' | 'limits'> & { kind: StoreOptions['kind'] } {
  const { store = 'memory' } = flags
  if (store !== 'memory' && store !== 'sqlite' && store !== 'redis') throw usage(`--store takes memory, sqlite or redis, found ${JSON.stringify(store)}`)
  const days = readAmount(flags, 'storeDays', 'store-days', 36_500)
  const megabytes = readAmount(flags, 'storeMb', 'store-mb', 1024 * 1024)
  const limits = {
    maxAgeMs: days === undefined ? undefined : days * 24 * 3_600_000,
    maxBytes: megabytes === undefined ? undefined : megabytes * 1024 * 1024,
    maxCount: readAmount(flags, 'storeCount', 'store-count', 1e9),
  }
  return { kind: store, folder: dataFolder(flags), limits: Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined)) }
}

const storeParts = ({ options }: Session, env: NodeJS.ProcessEnv): Pick<StoreOptions, 'secret' | 'connect'> =>
  ({ secret: env.AMPLIFIER_CHATGPT_STORE_KEY, connect: () => openRedis(options, env) })

/** @throws ConfigurationError for what is no number of 0 to `most` */
function readAmount(flags: Flags, name: string, flag: string, most: number): number | undefined {
  const text = flags[name]
  if (text === undefined) return undefined
  const amount = Number(text)
  if (!/^\d+(\.\d+)?$/.test(String(text)) || amount > most) throw usage(`--${flag} takes a number from 0 to ${most}, found ${JSON.stringify(text)}`)
  return amount
}

/** What another machine reaches a server by that listens everywhere: the address that it listens at is none. */
function findNetworkUrls(baseUrl: string): string[] {
  if (!/\/\/(0\.0\.0\.0|\[::\]):/.test(baseUrl)) return []
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal)
  return addresses.map(({ address }) => baseUrl.replace(/\/\/[^/]+(?=:\d+\/)/, `//${address}`))
}

/** A stream for notices that makes each a line of the log's. */
function createJsonNotices(stderr: Terminal['stderr']): Terminal['stderr'] {
  return new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      stderr.write(`${stringifyPrintable({ time: new Date().toISOString(), warning: String(text).trim().replace(/^warning: /, '') })}\n`)
      done()
    },
  })
}

/** @throws ConfigurationError for a role that the matrix in force lacks */
function checkModelMap(models: Readonly<Record<string, string>> | undefined, roles: readonly string[]): void {
  if (roles.length === 0) return
  for (const [name, model] of Object.entries(models ?? {})) {
    const unknown = parseRoleName(model)?.find((role) => !roles.includes(role))
    if (unknown === undefined) continue
    const meant = suggestName(unknown, roles)
    throw usage(`--model-map ${name}=${model}: there is no role ${JSON.stringify(unknown)}.${meant === undefined ? '' : ` Did you mean role:${meant}?`} amplifier-chatgpt routing show lists them`)
  }
}

function warnOfOpenness({ terminal }: CommandContext, { host, cert }: Flags): void {
  if (typeof host !== 'string' || cert !== undefined || isLoopback(`http://${host.includes(':') ? `[${host}]` : host}`)) return
  writeNotice(terminal, `warning: ${host} is open to the network: keys, prompts and answers pass unencrypted to whoever reaches it. Give --cert and --key, or put it behind a proxy that speaks TLS`)
}

/** @throws ConfigurationError for a pair without a name or a model */
function readModelMap(pairs: unknown): Record<string, string> {
  return Object.fromEntries(readWords(pairs).map((pair) => {
    const [, name, model] = /^([^=]+)=(.+)$/.exec(pair) ?? []
    if (name === undefined || model === undefined) throw usage(`--model-map takes NAME=MODEL or NAME=role:ROLE, found ${JSON.stringify(pair)}`)
    return [name, model]
  }))
}

const readWords = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

const usage = (message: string): ConfigurationError => new ConfigurationError(message, { code: 'usage' })
