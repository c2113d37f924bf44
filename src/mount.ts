import {
  OBSERVABILITY_EVENTS, isLLMError, type Cleanup, type Coordinator,
} from './contract/index.js'
import { configSchema, resolveOptions } from './config/index.js'
import { MODULE_ID, MOUNT_NAME, composeMount, type MountContainer } from './container.js'
import type { ChatGPTModule, ModuleParts } from './module-parts.js'
import { mountRouting } from './mount-routing.js'
import { unmountProvider } from './unmount-provider.js'
import { VERSION } from './version.js'
import { ensureSignedIn } from './ensure-signed-in.js'

/**
 * The module's descriptor, with a host's own parts inside.
 * @see ModuleParts for the parts and their defaults
 */
export function createModule(parts: ModuleParts = {}): ChatGPTModule {
  const ready = new WeakMap<Coordinator, (() => void)[]>()
  return {
    id: MODULE_ID,
    type: 'provider',
    mountPoint: 'providers',
    version: VERSION,
    configSchema: configSchema,
    mount: (coordinator: Coordinator, config?: Record<string, unknown>) => mountModule(parts, ready, coordinator, config),
    async onSessionReady(coordinator) {
      // Hosts call it once for each mount: what has run is not due again.
      for (const check of ready.get(coordinator)?.splice(0) ?? []) check()
    },
  }
}

async function mountModule(
  parts: ModuleParts, ready: WeakMap<Coordinator, (() => void)[]>, coordinator: Coordinator, config: Record<string, unknown> = {},
): Promise<Cleanup | null> {
  const { options, warnings } = resolveOptions(config)
  const mount = composeMount({ coordinator, options, config, parts })
  for (const warning of warnings) mount.warn(warning)
  try {
    const signedIn = await ensureSignedIn(mount, options, { interactive: parts.interactive ?? true, refused: parts.refused ?? (({ message }) => mount.warn(message)) })
    if (!signedIn) {
      await mount.dispose()
      return null
    }
    // Whoever signs in later will do so at this place.
    mount.useAccount(signedIn === 'later' ? mount.store.place : signedIn.accountKey)
    const { provider } = mount
    await coordinator.mount('providers', provider, { name: MOUNT_NAME })
    const routing = await mountRouting(mount, coordinator, options, config).catch(async (error: unknown) => {
      await unmountProvider(coordinator, provider)
      throw error
    })
    coordinator.registerContributor('observability.events', MODULE_ID, () => [...OBSERVABILITY_EVENTS])
    const onReady = [routing.check, () => mount.limiter.open(), ...(options.warmUp ? [() => void provider.warmUp()] : [])]
    ready.set(coordinator, [...(ready.get(coordinator) ?? []), ...onReady])
    return createCleanup(mount, coordinator, () => {
      ready.set(coordinator, (ready.get(coordinator) ?? []).filter((check) => !onReady.includes(check)))
      routing.uninstall()
    })
  } catch (error) {
    // A disposed container answers nothing.
    const { redactor } = mount
    await mount.dispose()
    if (isLLMError(error)) throw redactor.error(error)
    throw new Error(redactor.text(`${MODULE_ID} could not be mounted: ${String(error)}`), { cause: redactor.error(error) })
  }
}

/** Ends what the mount made; twice without harm. */
function createCleanup(mount: MountContainer, coordinator: Coordinator, uninstall: () => void): Cleanup {
  const { provider } = mount
  return async () => {
    try {
      uninstall()
      await unmountProvider(coordinator, provider)
    } finally {
      await mount.dispose()
    }
  }
}
