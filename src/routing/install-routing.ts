import type { Coordinator, HookResult } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import type { ModelRoleResolver } from './model-role-resolver.js'
import { resolveAgents } from './resolve-agents.js'
import { formatRoutingContext } from './routing-context.js'

export const RESOLVER_CAPABILITY = 'model_role_resolver'
export const ROUTING_CAPABILITY = 'session.routing'

export interface InstallRoutingOptions {
  resolver: ModelRoleResolver
  /** told in a sentence what an agent or the matrix lacks */
  warn?: (message: string) => void
}

/**
 * Puts routing in force: the capabilities `model_role_resolver` and `session.routing`, agents resolved at
 * `session:start` and `session:resume` (where the matrix is also read again), the role table injected at
 * `provider:request`.
 *
 * Where several modules install routing, the one whose resolver holds the capability acts and the others
 * stand by, so that agents are told of one matrix.
 * @returns uninstall; calling it twice does no harm
 */
export function installRouting(coordinator: Coordinator, options: InstallRoutingOptions): () => void {
  const { resolver, warn = () => undefined } = options
  const before = {
    resolver: coordinator.getCapability(RESOLVER_CAPABILITY),
    routing: coordinator.getCapability(ROUTING_CAPABILITY),
  }
  const inForce = (): boolean => coordinator.getCapability(RESOLVER_CAPABILITY) === resolver
  coordinator.registerCapability(RESOLVER_CAPABILITY, resolver)
  announce(coordinator, resolver, {})

  const onStart = async (event: string): Promise<HookResult> => {
    if (!inForce()) return { action: 'continue' }
    if (event === 'session:resume') await resolver.reload()
    const listings = resolver.shareListings()
    await resolveAgents(coordinator.config.agents, resolver, { list: listings.list }, warn)
    const models = await listings.models()
    resolver.learnLists(models)
    announce(coordinator, resolver, models)
    return { action: 'continue' }
  }
  const onRequest = (): HookResult => {
    if (!inForce() || resolver.known_roles.length === 0) return { action: 'continue' }
    return { action: 'inject_context', context_injection: formatRoutingContext(resolver.matrix), ephemeral: true }
  }
  const unregister = [
    coordinator.hooks.register('session:start', onStart, { priority: 5, name: 'routing-resolve' }),
    coordinator.hooks.register('session:resume', onStart, { priority: 5, name: 'routing-resolve' }),
    coordinator.hooks.register('provider:request', onRequest, { priority: 15, name: 'routing-context' }),
  ]
  return () => {
    if (inForce()) {
      coordinator.registerCapability(RESOLVER_CAPABILITY, before.resolver)
      coordinator.registerCapability(ROUTING_CAPABILITY, before.routing)
    }
    for (const off of unregister.splice(0)) off()
  }
}

/** What others put into the capability stays in it. */
function announce(
  coordinator: Coordinator,
  resolver: ModelRoleResolver,
  models: Record<string, readonly string[]>,
): void {
  const known = coordinator.getCapability(ROUTING_CAPABILITY)
  const { name, roles } = resolver.matrix
  const preresolved = isRecord(known) && isRecord(known['preresolved_models_by_instance']) ? known['preresolved_models_by_instance'] : {}
  coordinator.registerCapability(ROUTING_CAPABILITY, {
    ...(isRecord(known) ? known : {}),
    matrix: name,
    roles,
    preresolved_models_by_instance: { ...preresolved, ...models },
  })
}
