import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import {
  createFallbackLedger, createFileLedger, createMemoryLedger, createRedisLedger, createStateFile, type Persisted, type PlaceLedger,
} from './account/index.js'
import {
  createFileStore, createKeychainStore, createMemoryStore, createRedisConnection, createRedisStore, createRedisState, tokenFilePath,
  type Lane, type RedisConnection, type TokenStore,
} from './auth/index.js'
import type { ProviderOptions, TokenStoreKind } from './config/index.js'
import { ConfigurationError, type LaneName } from './contract/index.js'
import { defined, findHomeFolder, isLoopback, shortHash } from './lib/index.js'
import { createTrust, loadCa, resolveProxy } from './transport/index.js'

/** Where an account's sign-in, quota and model list are kept. */
export interface AccountPlaces {
  tokens(lane: Lane, warn: (message: string) => void): TokenStore
  state(accountKey: string, section: string): Persisted
  /** the file of the usage totals: on this machine wherever the sign-in is */
  readonly usagePath: string
  /** Where calls that run are counted, as far as `concurrency_scope` reaches. */
  ledger(accountKey: string, warn: (message: string) => void): PlaceLedger
  close(): Promise<void>
}

/** A fleet's shared state is forgotten after so long without news; quota windows last a week at most. */
const SHARED_STATE_TTL_MS = 8 * 24 * 3_600_000
const STATE_FILE = 'openai-chatgpt-state.json'
const USAGE_FILE = 'openai-chatgpt-usage.db'
/** Beside the state: who runs calls on this machine. */
const LEDGER_FOLDER = 'openai-chatgpt-places'
/** A call waits for its place: a server that takes longer counts as away. */
const LEDGER_TIMEOUT_MS = 2000

interface StoreInput {
  options: ProviderOptions
  lane: Lane
  /** what tells accounts apart in one store */
  place: { lane: LaneName; account?: string }
  warn: (message: string) => void
}

/** The token stores of one machine. */
const LOCAL_STORES: Readonly<Record<Exclude<TokenStoreKind, 'redis'>, (input: StoreInput) => TokenStore>> = {
  memory: ({ lane }) => createMemoryStore({ lane: lane.name }),
  keychain: ({ place }) => createKeychainStore(place),
  file: ({ options, lane, place, warn }) => createFileStore({ lane: lane.name, signIn: lane.signIn, warn, path: options.tokenFilePath ?? tokenFilePath(place) }),
}

/**
 * The places that the options name. With `token_store: redis` quota and models live there too, so that
 * every host of a fleet knows what one of them learned; else they are a file beside the sign-in.
 * @throws ConfigurationError where the store lacks its address
 */
export function createAccountPlaces(options: ProviderOptions, env: NodeJS.ProcessEnv = process.env): AccountPlaces {
  const { tokenStore } = options
  if (tokenStore === 'redis') return createRedisPlaces(options, env)
  const stateFile = createStateFile(join(stateFolder(options), STATE_FILE))
  return {
    tokens(lane, warn) {
      return LOCAL_STORES[tokenStore]({ options, lane, warn, place: { lane: lane.name, ...defined({ account: options.account }) } })
    },
    state: (accountKey, section) => stateFile.persisted(accountKey, section),
    usagePath: usagePathOf(options),
    ledger: (accountKey, warn) => createLocalLedger(options, accountKey, warn),
    close: async () => undefined,
  }
}

/** Beside the sign-in. */
export function usagePathOf(options: ProviderOptions): string {
  return join(stateFolder(options), USAGE_FILE)
}

/** What dies together and shares a ledger file: the share of a fleet's places goes by it. */
export function nameMachine(options: ProviderOptions): string {
  return shortHash(`${hostname()} ${stateFolder(options)}`).slice(0, 10)
}

function createLocalLedger(options: ProviderOptions, account: string, warn: (message: string) => void): PlaceLedger {
  if (options.concurrencyScope === 'process') return createMemoryLedger()
  const folder = join(stateFolder(options), LEDGER_FOLDER)
  return createFallbackLedger({
    ledger: createFileLedger({ folder, account }),
    local: createMemoryLedger(),
    warn: (_share, cause) => warn(`max_concurrency counts in this process alone, since the calls of this machine cannot be counted in ${folder}: ${describeCause(cause)}`),
  })
}

function describeCause(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function stateFolder(options: ProviderOptions): string {
  return options.tokenFilePath === undefined ? join(findHomeFolder(), '.amplifier') : dirname(options.tokenFilePath)
}

/**
 * A connection to the Redis server that the options name; opened at the first command.
 * @throws ConfigurationError without an address, or for plain text beyond loopback
 */
export function openRedis(
  options: ProviderOptions, env: NodeJS.ProcessEnv = process.env, limits: { commandTimeoutMs?: number } = {},
): RedisConnection {
  const { redisUrl: url } = options
  if (url === undefined) {
    throw new ConfigurationError('there is no redis_url: set it in your own settings, or AMPLIFIER_CHATGPT_REDIS_URL', { code: 'redis_url' })
  }
  if (!options.redisAllowPlaintext && isPlaintextBeyondLoopback(url)) {
    throw new ConfigurationError(
      'redis_url is redis:// to another machine: password and traffic would cross the network in the clear. Use rediss://, or say redis_allow_plaintext: true in ~/.amplifier/settings.yaml where the network itself is private',
      { code: 'redis_plaintext' })
  }
  const extraCaFile = env.NODE_EXTRA_CA_CERTS
  return createRedisConnection({
    url, trust: () => createTrust({ ...(options.caFile && { caFile: options.caFile }), ...(extraCaFile && { extraCaFile }) }), ...limits,
  })
}

/** Why `ca_file` cannot be used; undefined where it can, or where there is none. */
export async function findCaFault({ caFile }: Pick<ProviderOptions, 'caFile'>): Promise<string | undefined> {
  if (caFile === undefined) return undefined
  return loadCa(caFile).then(() => undefined, (error: unknown) => (error instanceof Error ? error.message : String(error)))
}

/** Whether a connection to `url` goes through a proxy of the environment; one that cannot be read counts. */
export function isProxied(url: string, env: NodeJS.ProcessEnv): boolean {
  try {
    return resolveProxy(url, env) !== undefined
  } catch {
    return true
  }
}

function createRedisPlaces(options: ProviderOptions, env: NodeJS.ProcessEnv): AccountPlaces {
  const { account } = options
  const connection = openRedis(options, env)
  const shared = createRedisState({ connection })
  return {
    tokens: (lane) =>
      createRedisStore({
        connection, lane: lane.name, encryptionKey: env.AMPLIFIER_CHATGPT_STORE_KEY, ...defined({ account }),
      }),
    state: (accountKey, section) => shared.value(`${accountKey}:${section}`, SHARED_STATE_TTL_MS),
    usagePath: usagePathOf(options),
    ledger(accountKey, warn) {
      const local = createLocalLedger(options, accountKey, warn)
      if (options.concurrencyScope !== 'account') return local
      const own = openRedis(options, env, { commandTimeoutMs: LEDGER_TIMEOUT_MS })
      return createFallbackLedger({
        ledger: createRedisLedger({ connection: own, account: accountKey }),
        local,
        shared: true,
        warn: (share, cause) => warn(`${own.place} does not count this account's calls, so this machine runs ${share} at a time until it does; amplifier-chatgpt doctor tries it. ${describeCause(cause)}`),
      })
    },
    close: () => connection.close(),
  }
}

function isPlaintextBeyondLoopback(url: string): boolean {
  return !/^\s*rediss:/i.test(url) && !isLoopback(url.trim())
}
