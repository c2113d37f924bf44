/**
 * The one composition root: every part of a mount, by token, in a child container of its own. Only
 * this file, the account's half of it (compose-account.ts) and the tests know the concrete parts.
 */
import type { DependencyContainer } from 'tsyringe'
import {
  ADMISSION, CATALOG, CREDENTIALS, LIMITER, LINEAGE, openAccount, PLACES, provide, QUOTA, REDACTOR, token, TRANSPORT, USAGE, USER_AGENT, WARN, WEBSOCKET_BLOCK,
  type AccountContainer, type AccountInput, type Cleanups,
} from './compose-account.js'
import type { ProviderOptions } from './config/index.js'
import { createLiveConfig } from './config/live-config.js'
import { MODULE_ID, MOUNT_NAME } from './config/module-entry.js'
import { ConfigurationError, type Coordinator, type Provider } from './contract/index.js'
import { delay } from './lib/index.js'
import type { ModuleParts } from './module-parts.js'
import { processShared, type ProcessShared } from './process-shared.js'
import { createProvider, type ChatGPTProvider, type RouteResolver } from './provider/index.js'
import { createTelemetry, type Telemetry } from './telemetry/index.js'
import { createUsageRecorder, openUsageStore, type UsageRecorder } from './usage/index.js'
import { VERSION } from './version.js'

export { MODULE_ID, MOUNT_NAME }

export interface MountInput extends AccountInput {
  coordinator: Coordinator
  /** what the options were resolved from; default nothing */
  config?: Record<string, unknown>
}

/** What a mount is made of. */
export interface MountContainer extends AccountContainer {
  readonly provider: ChatGPTProvider
  /** Set by the mount once a matrix is in force. */
  routeResolver?: RouteResolver
}

const PROVIDER = token<ChatGPTProvider>('provider')

/**
 * The parts of one mount, made when they are first asked for; `dispose()` ends them, the last made first.
 * @param shared what mounts of this process have in common; another one in tests
 */
export function composeMount(input: MountInput, shared: ProcessShared = processShared): MountContainer {
  const { child, cleanups, account } = openAccount(input, shared)
  const mount: MountContainer = Object.create(account, {
    provider: { enumerable: true, get: () => child.resolve(PROVIDER) },
    routeResolver: { enumerable: true, writable: true, value: undefined },
  }) as MountContainer
  registerProvider(child, input, { cleanups, shared }, mount)
  return mount
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
      webSocketBlock: child.resolve(WEBSOCKET_BLOCK),
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

function noMatrix(): ConfigurationError {
  return new ConfigurationError(
    'No routing matrix is in force, so no role can be resolved. Set matrix in the mount config, or let the plan have the routing hook (docs/routing.md); else name a model.',
    { provider: MOUNT_NAME, code: 'no_matrix' },
  )
}
