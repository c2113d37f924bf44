import { EVENTS, type Coordinator, type HookResult } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { mountedIn } from './find-mount.js'
import { HOOK_DEFAULTS, type RoutingHookConfig } from './hook-config.js'
import type { ModelRoleResolver } from './model-role-resolver.js'
import { createPromptPrefix } from './prompt-prefix.js'
import { resolveAgents } from './resolve-agents.js'
import { reassertRolePin } from './role-pin.js'
import { formatRoutingContext } from './routing-context.js'

export const RESOLVER_CAPABILITY = 'model_role_resolver'
export const ROUTING_CAPABILITY = 'session.routing'

const DEFER_CAPABILITY = 'routing.defer_agent_resolution'
const EVENTS_CAPABILITY = 'observability.events'
const ROUTING_EVENTS: readonly string[] = [EVENTS.matrixLoaded, EVENTS.intentClamped, EVENTS.rolePinReasserted]

export interface InstallRoutingOptions extends Partial<Pick<RoutingHookConfig, 'placement' | 'maxConcurrentResolutions' | 'reassertRolePin'>> {
  /** none: the hooks are there and do nothing */
  resolver?: ModelRoleResolver | undefined
  /** what the matrix was asked for by; default: its own name */
  matrixName?: string
  /** told in a sentence what an agent or the host lacks */
  warn?: (message: string) => void
}

/**
 * Puts routing in force: the capability `model_role_resolver`; at `session:start` or `session:resume`, whichever comes
 * first, the session's own role pin and its agents' preferences; at `provider:request` the role table.
 *
 * Where several modules install routing, the one whose resolver holds the capability acts and the others stand by, so
 * that agents are told of one matrix.
 * @returns uninstall; calling it twice does no harm
 */
export function installRouting(coordinator: Coordinator, options: InstallRoutingOptions): () => void {
  const { resolver } = options
  const before = coordinator.getCapability(RESOLVER_CAPABILITY)
  const routingBefore = coordinator.getCapability(ROUTING_CAPABILITY)
  const inForce = (): ModelRoleResolver | undefined =>
    resolver !== undefined && coordinator.getCapability(RESOLVER_CAPABILITY) === resolver ? resolver : undefined
  announceEvents(coordinator)
  if (resolver !== undefined) coordinator.registerCapability(RESOLVER_CAPABILITY, resolver)
  const table = createTablePlacement(coordinator, inForce, options)
  let hasRun = false
  const onLifecycle = async (event: string, data: Record<string, unknown>): Promise<HookResult> => {
    const acting = inForce()
    // Some hosts resume a session anew for each turn, and say which.
    const isLaterTurn = event === 'session:resume' && 'turn_count' in data
    if (acting === undefined || hasRun || isLaterTurn) return CONTINUE
    hasRun = true
    await startSession(coordinator, acting, options)
    return CONTINUE
  }
  const unregister = [
    coordinator.hooks.register('session:start', onLifecycle, { priority: 5, name: 'routing-resolve' }),
    coordinator.hooks.register('session:resume', onLifecycle, { priority: 5, name: 'routing-resolve-resume' }),
    coordinator.hooks.register('provider:request', table.onRequest, { priority: 15, name: 'routing-context' }),
  ]
  return () => {
    if (inForce() !== undefined) {
      coordinator.registerCapability(RESOLVER_CAPABILITY, before)
      coordinator.registerCapability(ROUTING_CAPABILITY, routingBefore)
    }
    table.end()
    for (const off of unregister.splice(0)) off()
  }
}

const CONTINUE: HookResult = Object.freeze({ action: 'continue' })

async function startSession(coordinator: Coordinator, resolver: ModelRoleResolver, options: InstallRoutingOptions): Promise<void> {
  const { matrixName = resolver.name, reassertRolePin: reasserts = true, warn = () => undefined } = options
  const { maxConcurrentResolutions: atOnce = HOOK_DEFAULTS.maxConcurrentResolutions } = options
  const { matrix_path, matrix_source, shadowed_paths } = resolver
  await coordinator.hooks.emit(EVENTS.matrixLoaded, {
    matrix_name: matrixName, matrix_path, matrix_source, matrix_shadowed: shadowed_paths.length > 0, shadowed_paths: [...shadowed_paths],
  })
  if (reasserts) {
    const allowlist = resolver.provider_module_allowlist
    const record = reassertRolePin({
      coordinator, providers: mountedIn(coordinator), ...(allowlist === null ? {} : { allowlist }),
    })
    if (record !== undefined) await coordinator.hooks.emit(EVENTS.rolePinReasserted, { ...record })
  }
  // A parent's lists come after the mount and before the first event.
  const routing = coordinator.getCapability(ROUTING_CAPABILITY)
  if (isRecord(routing) && isRecord(routing['preresolved_models_by_instance'])) resolver.learnLists(routing['preresolved_models_by_instance'])
  if (coordinator.getCapability(DEFER_CAPABILITY) !== true) await resolveAgents(coordinator.config.agents, { resolver, atOnce, warn })
  shareLists(coordinator, resolver)
}

/** What others put into the capability stays in it. */
function shareLists(coordinator: Coordinator, resolver: ModelRoleResolver): void {
  const lists = resolver.knownLists()
  if (Object.keys(lists).length === 0) return
  const known = coordinator.getCapability(ROUTING_CAPABILITY)
  coordinator.registerCapability(ROUTING_CAPABILITY, { ...(isRecord(known) ? known : {}), preresolved_models_by_instance: lists })
}

interface TablePlacement {
  onRequest(): Promise<HookResult> | HookResult
  end(): void
}

function createTablePlacement(
  coordinator: Coordinator, inForce: () => ModelRoleResolver | undefined, { placement = HOOK_DEFAULTS.placement, warn }: InstallRoutingOptions,
): TablePlacement {
  const render = (): string => {
    const resolver = inForce()
    return resolver === undefined || resolver.known_roles.length === 0 ? '' : formatRoutingContext(resolver.matrix)
  }
  const prefix = createPromptPrefix(coordinator, render)
  let warned = false
  return {
    async onRequest() {
      const text = render()
      if (text === '') return CONTINUE
      if (placement === 'prefix') {
        if (await prefix.ensure()) return CONTINUE
        if (!warned) warn?.('the role table can\'t ride the system prompt: the context module makes none. It is injected before each request; placement: inject says so without this warning')
        warned = true
      }
      return { action: 'inject_context', context_injection: text, context_injection_role: 'user', ephemeral: true }
    },
    end: () => prefix.end(),
  }
}

/** Hosts of the reference read the names from this capability, not from a contributor. */
function announceEvents(coordinator: Coordinator): void {
  const known = coordinator.getCapability(EVENTS_CAPABILITY)
  const names: unknown[] = Array.isArray(known) ? known : []
  coordinator.registerCapability(EVENTS_CAPABILITY, [...names, ...ROUTING_EVENTS.filter((event) => !names.includes(event))])
}
