import type { Coordinator, MountPlan } from '../contract/index.js'
import type { CancellationControl } from './cancellation.js'
import type { CleanupStack } from './cleanup-stack.js'
import { createHooks, type HostHooks } from './hooks.js'
import type { Registry } from './registry.js'

export interface CoordinatorParts {
  config: MountPlan
  sessionId: string
  parentId: string | null
  registry: Registry
  cancellation: CancellationControl
  cleanups: CleanupStack
  warn: (message: string) => void
  now: () => number
}

export interface HostCoordinator extends Coordinator {
  readonly hooks: HostHooks
}

/** The contract's coordinator over the host's parts. `get('hooks')` answers the hooks. */
export function createCoordinator(parts: CoordinatorParts): HostCoordinator {
  const { config, sessionId, parentId, registry, cleanups, warn } = parts
  const hooks = createHooks({ sessionId, parentId, warn, now: parts.now })
  const capabilities = new Map<string, unknown>()
  const contributors = new Map<string, { name: string; callback: () => unknown }[]>()
  const coordinator: Omit<HostCoordinator, 'config'> = {
    sessionId,
    parentId,
    hooks,
    cancellation: parts.cancellation.cancellation,
    async mount(point, module, options = {}) {
      registry.mount(point, module, options.name)
    },
    async unmount(point, name) {
      registry.unmount(point, name)
    },
    get: (point, name) => (point === 'hooks' ? hooks : registry.get(point, name)),
    registerCapability: (name, value) => void capabilities.set(name, value),
    getCapability: (name) => capabilities.get(name),
    registerContributor(channel, name, callback) {
      const list = contributors.get(channel)
      if (list) list.push({ name, callback })
      else contributors.set(channel, [{ name, callback }])
    },
    async collectContributions(channel) {
      const collected: unknown[] = []
      for (const { name, callback } of contributors.get(channel) ?? []) {
        try {
          const contribution = await callback()
          if (contribution !== undefined && contribution !== null) collected.push(contribution)
        } catch (error) {
          warn(`contributor ${name} to ${channel} failed and was passed over: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
      return collected
    },
    registerCleanup: (cleanup) => cleanups.push(cleanup),
    cleanup: () => cleanups.run(),
  }
  // A plan may hold keys: whoever prints a coordinator doesn't print them.
  return Object.defineProperty(coordinator, 'config', { value: config, enumerable: false }) as HostCoordinator
}
