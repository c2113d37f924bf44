/**
 * The one composition root: every part of a mount, by token, in a child container of its own. Only
 * this file and the tests know all concrete parts.
 */
import 'reflect-metadata'
import { container as rootContainer, instanceCachingFactory, type DependencyContainer, type InjectionToken } from 'tsyringe'
import type { Dispatcher } from 'undici'
import { createAccountPlaces, nameMachine, type AccountPlaces } from './account-storage.js'
import {
  createAccountUsage, createCatalog, createConcurrencyLimiter, createModelsFetcher, createQuota, createQuotaAdmission, type AccountUsageReader, type Catalog, type ConcurrencyLimiter, type Quota, type QuotaAdmission,
} from './account/index.js'
import {
  createCredentialSource, createLane, createRefreshShared,
  type Lane, type ManagedCredentialSource, type TokenStore,
} from './auth/index.js'
import type { ProviderOptions } from './config/index.js'
import { createLiveConfig } from './config/live-config.js'
import { MODULE_ID, MOUNT_NAME } from './config/module-entry.js'
import { ConfigurationError, type CallObserver, type Coordinator, type LLMError, type Provider } from './contract/index.js'
import { createRedactor, delay, sanitizeLine, shortHash, type Redactor } from './lib/index.js'
import { processShared, type ProcessShared } from './process-shared.js'
import { createProvider, type ChatGPTProvider, type Lineage, type NamedSession, type RouteResolver } from './provider/index.js'
import { createTelemetry, type Telemetry } from './telemetry/index.js'
import { createTransport, type Transport } from './transport/index.js'
import { createUsageRecorder, openUsageStore, type UsageRecorder } from './usage/index.js'
import { VERSION } from './version.js'

export { MODULE_ID, MOUNT_NAME }
const USER_AGENT = `amplifier-module-provider-openai-chatgpt/${VERSION} (${process.platform}; ${process.arch}) node/${process.versions.node}`

/** A host's own parts; each has a real default. */
export interface ModuleParts {
  tokenStore?: TokenStore
  /** ms since 1970; default `Date.now` */
  now?: () => number
  /** waits between attempts; default a timer */
  delay?: (ms: number, options: { signal?: AbortSignal }) => Promise<void>
  /** from 0 up to 1, for the jitter of waits; default `Math.random` */
  random?: () => number
  /** an undici dispatcher for HTTP; stays the host's, which closes it */
  dispatcher?: Dispatcher
  /** the session that the mount serves, where its id outlives this process: it names the conversation and its prompt cache key */
  session?: NamedSession
  /** false: nobody is asked and nobody will sign in later, so a mount without a sign-in answers null; default true */
  interactive?: boolean
  /** are told of every call while it runs */
  observers?: readonly CallObserver[]
  /** told what a user should know; default one line each on stderr */
  warn?: (message: string) => void
  /** told why a mount answers null; default a warning of it */
  refused?: (refusal: LLMError) => void
}

export interface AccountInput {
  options: ProviderOptions
  parts: ModuleParts
}

export interface MountInput extends AccountInput {
  coordinator: Coordinator
  /** what the options were resolved from; default nothing */
  config?: Record<string, unknown>
}

type Cleanups = (() => void | Promise<void>)[]

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

/** What a mount is made of. */
export interface MountContainer extends AccountContainer {
  readonly provider: ChatGPTProvider
  /** Set by the mount once a matrix is in force. */
  routeResolver?: RouteResolver
}

const token = <Part>(name: string): InjectionToken<Part> => `amplifier-chatgpt.${name}`
const REDACTOR = token<Redactor>('redactor')
const WARN = token<(message: string) => void>('warn')
const TRANSPORT = token<Transport>('transport')
const PLACES = token<AccountPlaces>('places')
const LANE = token<Lane>('lane')
const STORE = token<TokenStore>('store')
const CREDENTIALS = token<ManagedCredentialSource>('credentials')
const ACCOUNT_KEY = token<string>('account-key')
const CATALOG = token<Catalog>('catalog')
const QUOTA = token<Quota>('quota')
const USAGE = token<AccountUsageReader | undefined>('usage')
const ADMISSION = token<QuotaAdmission>('admission')
const LIMITER = token<ConcurrencyLimiter>('limiter')
const LINEAGE = token<Lineage>('lineage')
const PROVIDER = token<ChatGPTProvider>('provider')

/** The parts of an account, for programs that have no host: the command line's `login` and `status`. */
export function composeAccount(input: AccountInput, shared: ProcessShared = processShared): AccountContainer {
  return open(input, shared).account
}

/**
 * The parts of one mount, made when they are first asked for; `dispose()` ends them, the last made first.
 * @param shared what mounts of this process have in common; another one in tests
 */
export function composeMount(input: MountInput, shared: ProcessShared = processShared): MountContainer {
  const { child, cleanups, account } = open(input, shared)
  const mount: MountContainer = Object.create(account, {
    provider: { enumerable: true, get: () => child.resolve(PROVIDER) },
    routeResolver: { enumerable: true, writable: true, value: undefined },
  }) as MountContainer
  registerProvider(child, input, { cleanups, shared }, mount)
  return mount
}

function open(input: AccountInput, shared: ProcessShared): { child: DependencyContainer; cleanups: Cleanups; account: AccountContainer } {
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
      ...(options.caFile === undefined ? {} : { caFile: options.caFile }),
      ...(parts.dispatcher === undefined ? {} : { dispatcher: parts.dispatcher }),
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
      ...(options.clientId === undefined ? {} : { clientId: options.clientId }),
      ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
      ...(options.account === undefined ? {} : { account: options.account }),
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
  const asking = () => ({
    transport: child.resolve(TRANSPORT), credentials: child.resolve(CREDENTIALS), baseUrl: options.baseUrl, userAgent: USER_AGENT, provider: MOUNT_NAME,
    maxRetries: options.maxRetries, now, random: parts.random ?? Math.random, delay: parts.delay ?? delay,
  })
  provide(child, USAGE, () => (options.lane === 'codex' ? createAccountUsage({ ...asking(), quota: child.resolve(QUOTA) }) : undefined))
  provide(child, CATALOG, () => {
    const catalog = createCatalog({
      now,
      ttlMs: options.modelsCacheTtlMs,
      lane: options.lane,
      persisted: state('models'),
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

function registerProvider(child: DependencyContainer, { coordinator, options, config = {}, parts }: MountInput, { cleanups, shared }: { cleanups: Cleanups; shared: ProcessShared }, mount: MountContainer): void {
  provide(child, PROVIDER, () => {
    const live = createLiveConfig({ mounted: config, options, warn: child.resolve(WARN) })
    const quota = child.resolve(QUOTA)
    const usage = child.resolve(USAGE)
    if (usage) cleanups.push(quota.watch(() => usage.readNearEnd()))
    const provider = createProvider({
      mountName: MOUNT_NAME,
      get settings() { return live.options() },
      config: live.config,
      credentials: child.resolve(CREDENTIALS),
      catalog: child.resolve(CATALOG),
      quota,
      limiter: child.resolve(LIMITER),
      transport: child.resolve(TRANSPORT),
      hooks: coordinator.hooks,
      sessionId: coordinator.sessionId,
      observers: [...(parts.observers ?? []), traceCalls(coordinator, options, cleanups), ...(options.usageTotals ? [recordUsage(child, parts, cleanups, shared)] : [])],
      ...(parts.session ? { session: parts.session } : {}),
      lineage: child.resolve(LINEAGE),
      cancellation: coordinator.cancellation,
      resolveRoute: (roles, how) => {
        if (!mount.routeResolver) throw noMatrix()
        return mount.routeResolver(roles, how)
      },
      ...(options.admission === 'forecast' ? { admission: child.resolve(ADMISSION) } : {}),
      findProvider: (name) => (coordinator.get('providers', name) as Provider | undefined) ?? undefined,
      userAgent: USER_AGENT,
      redactor: child.resolve(REDACTOR),
      warn: child.resolve(WARN),
      now: parts.now ?? Date.now,
      random: parts.random ?? Math.random,
      delay: parts.delay ?? delay,
    })
    cleanups.push(() => provider.close())
    return provider
  })
}

/** Costs a look at a global a call, until the host program registers a provider of OpenTelemetry. */
function traceCalls(coordinator: Coordinator, { baseUrl, telemetryContent }: ProviderOptions, cleanups: Cleanups): Telemetry {
  const telemetry = createTelemetry({ name: MODULE_ID, version: VERSION, baseUrl, content: telemetryContent })
  cleanups.push(telemetry.attach(coordinator))
  return telemetry
}

/** One store for all mounts that keep their totals in the same folder. */
function recordUsage(child: DependencyContainer, { now = Date.now }: ModuleParts, cleanups: Cleanups, shared: ProcessShared): UsageRecorder {
  const path = child.resolve(PLACES).usagePath
  const { value, release } = shared.share(`usage:${path}`, () => createUsageRecorder({ open: () => openUsageStore(path), warn: child.resolve(WARN), now }), (recorder) => recorder.close())
  cleanups.push(release)
  return value
}

function provide<Part>(child: DependencyContainer, key: InjectionToken<Part>, create: () => Part): void {
  child.register<Part>(key, { useFactory: instanceCachingFactory(create) })
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => (running ??= work())
}

function noMatrix(): ConfigurationError {
  return new ConfigurationError(
    'No routing matrix is in force, so no role can be resolved. Set matrix in the mount config, or name a model and call stream().',
    { provider: MOUNT_NAME, code: 'no_matrix' },
  )
}
