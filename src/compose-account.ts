/** The parts of an account, by token, in a child container of its own: what a mount and a program without a host both need. */
import 'reflect-metadata'
import { container as rootContainer, instanceCachingFactory, type DependencyContainer, type InjectionToken } from 'tsyringe'
import { createAccountPlaces, nameMachine, type AccountPlaces } from './account-storage.js'
import {
  createAccountUsage, createCatalog, createConcurrencyLimiter, createModelsFetcher, createQuota, createQuotaAdmission, createSharedListing, createWebSocketBlock, type AccountUsageReader, type Catalog, type ConcurrencyLimiter, type Quota, type QuotaAdmission, type WebSocketBlock,
} from './account/index.js'
import {
  createCredentialSource, createLane, createRefreshShared,
  type Lane, type ManagedCredentialSource, type TokenStore,
} from './auth/index.js'
import type { ProviderOptions } from './config/index.js'
import { MOUNT_NAME } from './config/module-entry.js'
import { laneRow } from './contract/index.js'
import { createRedactor, defined, delay, sanitizeLine, shortHash, type Redactor } from './lib/index.js'
import type { ModuleParts } from './module-parts.js'
import { processShared, type ProcessShared } from './process-shared.js'
import type { Lineage } from './provider/index.js'
import { createTransport, type Transport } from './transport/index.js'
import { VERSION } from './version.js'

export const USER_AGENT = `amplifier-module-provider-openai-chatgpt/${VERSION} (${process.platform}; ${process.arch}) node/${process.versions.node}`

export interface AccountInput {
  options: ProviderOptions
  parts: ModuleParts
}

export type Cleanups = (() => void | Promise<void>)[]

/** What serves one account, with or without a host. */
export interface AccountContainer {
  readonly warn: (message: string) => void
  readonly redactor: Redactor
  readonly transport: Transport
  readonly lane: Lane
  /** where the sign-in is kept */
  readonly store: TokenStore
  readonly credentials: ManagedCredentialSource
  readonly catalog: Catalog
  readonly quota: Quota
  /** calls under way, here and wherever they are counted together */
  readonly limiter: ConcurrencyLimiter
  /** the account's own figures, where the lane has an endpoint for them */
  readonly usage: AccountUsageReader | undefined
  /** The account that quota, catalog and the limit of running calls belong to; said once, before they are asked for. */
  useAccount(accountKey: string): void
  /** Ends every part in reverse order of its making; twice without harm. */
  dispose(): Promise<void>
}

export const token = <Part>(name: string): InjectionToken<Part> => `amplifier-chatgpt.${name}`
export const REDACTOR = token<Redactor>('redactor')
export const WARN = token<(message: string) => void>('warn')
export const TRANSPORT = token<Transport>('transport')
export const PLACES = token<AccountPlaces>('places')
const LANE = token<Lane>('lane')
const STORE = token<TokenStore>('store')
export const CREDENTIALS = token<ManagedCredentialSource>('credentials')
const ACCOUNT_KEY = token<string>('account-key')
export const CATALOG = token<Catalog>('catalog')
export const QUOTA = token<Quota>('quota')
export const USAGE = token<AccountUsageReader | undefined>('usage')
export const ADMISSION = token<QuotaAdmission>('admission')
export const LIMITER = token<ConcurrencyLimiter>('limiter')
export const WEBSOCKET_BLOCK = token<WebSocketBlock>('websocket-block')
export const LINEAGE = token<Lineage>('lineage')

/** The parts of an account, for programs that have no host: the command line's `login` and `status`. */
export function composeAccount(input: AccountInput, shared: ProcessShared = processShared): AccountContainer {
  return openAccount(input, shared).account
}

/** The container with an account's parts, to register more in. */
export function openAccount(input: AccountInput, shared: ProcessShared): { child: DependencyContainer; cleanups: Cleanups; account: AccountContainer } {
  const child = rootContainer.createChildContainer()
  const cleanups: Cleanups = []
  registerFoundations(child, input, cleanups)
  registerAccount(child, input, cleanups, shared)
  return { child, cleanups, account: describeAccount(child, input, cleanups) }
}

function describeAccount(child: DependencyContainer, { options }: AccountInput, cleanups: Cleanups): AccountContainer {
  return {
    get warn() { return child.resolve(WARN) },
    get redactor() { return child.resolve(REDACTOR) },
    get transport() { return child.resolve(TRANSPORT) },
    get lane() { return child.resolve(LANE) },
    get store() { return child.resolve(STORE) },
    get credentials() { return child.resolve(CREDENTIALS) },
    get catalog() { return child.resolve(CATALOG) },
    get quota() { return child.resolve(QUOTA) },
    get limiter() { return child.resolve(LIMITER) },
    get usage() { return child.resolve(USAGE) },
    useAccount(accountKey) {
      provide(child, ACCOUNT_KEY, () => shortHash(`${options.lane}|${options.baseUrl}|${accountKey}`))
    },
    dispose: once(async () => {
      for (const cleanup of cleanups.reverse()) {
        try {
          await cleanup()
        } catch {
          // One part's end never keeps another's from ending.
        }
      }
      await child.dispose()
    }),
  }
}

function registerFoundations(child: DependencyContainer, { options, parts }: AccountInput, cleanups: Cleanups): void {
  const now = parts.now ?? Date.now
  provide(child, REDACTOR, () => createRedactor())
  provide(child, WARN, () => {
    const redactor = child.resolve(REDACTOR)
    const sink = parts.warn ?? ((message: string) => void process.stderr.write(`amplifier-chatgpt: ${message}\n`))
    return (message: string) => {
      try {
        sink(sanitizeLine(redactor.text(message)))
      } catch {
        // A host's log that fails must not fail the call that it would have told of.
      }
    }
  })
  provide(child, TRANSPORT, () => {
    const transport = createTransport({
      env: process.env,
      now,
      ...defined({ caFile: options.caFile, dispatcher: parts.dispatcher }),
    })
    cleanups.push(() => transport.close())
    return transport
  })
}

function registerAccount(child: DependencyContainer, input: AccountInput, cleanups: Cleanups, shared: ProcessShared): void {
  const { options, parts } = input
  const now = parts.now ?? Date.now
  const share = <Part>(kind: string, create: () => Part, end?: (part: Part) => Promise<void>): Part => {
    const { value, release } = shared.share(kind, create, end)
    cleanups.push(release)
    return value
  }
  // One connection to a fleet's Redis, for as long as any mount of the process needs it.
  const placesKey = `places:${shortHash(JSON.stringify([options, options.redisUrl]))}`
  provide(child, PLACES, () => share(placesKey, () => createAccountPlaces(options), (places) => places.close()))
  provide(child, LINEAGE, () => share('lineage', (): Lineage => new Map()))
  provide(child, LANE, () =>
    createLane(options.lane, {
      issuer: options.issuer,
      baseUrl: options.baseUrl,
      ...defined({ clientId: options.clientId, apiKey: options.apiKey, account: options.account, tokenFile: options.tokenStore === 'file' && options.lane !== 'api_key' ? options.tokenFilePath : undefined }),
    }))
  provide(child, STORE, () => parts.tokenStore ?? child.resolve(PLACES).tokens(child.resolve(LANE), child.resolve(WARN)))
  provide(child, CREDENTIALS, () => createCredentials(child, input, cleanups, shared))
  const state = (section: string) => child.resolve(PLACES).state(child.resolve(ACCOUNT_KEY), section)
  provide(child, QUOTA, () =>
    share(`quota:${child.resolve(ACCOUNT_KEY)}`, () => createQuota({ now, persisted: state('quota'), probes: state('probes') }), (quota) => quota.flush()))
  provide(child, ADMISSION, () => share(`admission:${child.resolve(ACCOUNT_KEY)}`, () => createQuotaAdmission({ quota: child.resolve(QUOTA), now })))
  provide(child, LIMITER, () =>
    share(`limiter:${options.concurrencyScope}:${child.resolve(ACCOUNT_KEY)}`, () => createConcurrencyLimiter({
      limit: options.maxConcurrency,
      ledger: child.resolve(PLACES).ledger(child.resolve(ACCOUNT_KEY), child.resolve(WARN)),
      self: { machine: nameMachine(options), version: VERSION },
    }), (limiter) => limiter.close()))
  // What one's own dispatcher does says nothing of other mounts' network.
  const createBlock = () => createWebSocketBlock({ now, persisted: state('websocket'), machine: nameMachine(options) })
  provide(child, WEBSOCKET_BLOCK, () => parts.dispatcher
    ? createWebSocketBlock({ now })
    : share(`websocket:${options.caFile ?? ''}:${child.resolve(ACCOUNT_KEY)}`, createBlock, (block) => block.flush()))
  const asking = () => ({
    transport: child.resolve(TRANSPORT), credentials: child.resolve(CREDENTIALS), baseUrl: options.baseUrl, userAgent: USER_AGENT, provider: MOUNT_NAME,
    maxRetries: options.maxRetries, now, random: parts.random ?? Math.random, delay: parts.delay ?? delay,
  })
  provide(child, USAGE, () => (laneRow(options.lane).accountUsage ? createAccountUsage({ ...asking(), quota: child.resolve(QUOTA) }) : undefined))
  provide(child, CATALOG, () => {
    const catalog = createCatalog({
      now,
      ttlMs: options.modelsCacheTtlMs,
      lane: options.lane,
      persisted: state('models'),
      shared: share(`models:${options.modelsClientVersion}:${child.resolve(ACCOUNT_KEY)}`, createSharedListing),
      fetchModels: createModelsFetcher({ ...asking(), clientVersion: options.modelsClientVersion }),
    })
    cleanups.push(() => catalog.close())
    return catalog
  })
}

function createCredentials(
  child: DependencyContainer, { parts }: AccountInput, cleanups: Cleanups, shared: ProcessShared,
): ManagedCredentialSource {
  const lane = child.resolve(LANE)
  // One map of refreshes for all mounts: a flight is found by its store's place.
  const refreshes = shared.share('refreshes', createRefreshShared)
  cleanups.push(refreshes.release)
  const source = createCredentialSource({
    lane,
    store: child.resolve(STORE),
    transport: child.resolve(TRANSPORT),
    shared: refreshes.value,
    now: parts.now ?? Date.now,
    warn: child.resolve(WARN),
    registerSecret: (secret) => child.resolve(REDACTOR).register(secret),
  })
  cleanups.push(() => source.close())
  return source
}

/** Registers a part that is made when it is first asked for, once. */
export function provide<Part>(child: DependencyContainer, key: InjectionToken<Part>, create: () => Part): void {
  child.register<Part>(key, { useFactory: instanceCachingFactory(create) })
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => (running ??= work())
}
