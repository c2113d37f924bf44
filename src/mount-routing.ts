import type { Quota } from './account/index.js'
import { ConfigurationError, isLLMError, parseModelName, type Coordinator, type LLMError, type MountPlan } from './contract/index.js'
import { describeOrigin, originOf, type ProviderOptions } from './config/index.js'
import type { MountContainer } from './container.js'
import type { FoundMatrix, ModelRoleResolver, OverrideLayer, RouteExplanation, RoutingHookConfig, RoutingOverrides } from './routing/index.js'

export interface MountedRouting {
  /** Resolves every role in the background and warns of those that no model serves. */
  check(): void
  uninstall(): void
}

const NO_ROUTING: MountedRouting = { check: () => undefined, uninstall: () => undefined }

/**
 * Puts the configured matrix in force: capabilities, hooks, and the provider's own delegation.
 * A matrix that doesn't exist is a warning; one that is wrong is an error.
 * @throws ConfigurationError
 */
export async function mountRouting(
  mount: MountContainer, coordinator: Coordinator, options: ProviderOptions, config: Record<string, unknown>,
): Promise<MountedRouting> {
  const { mountWithConfig } = await import('./routing/routing-hook.js')
  const { provider, quota, warn } = mount
  const { hook, find, overrides } = await findMatrixInForce(coordinator.config, options, config, warn)
  await quota.ready()
  let missing: LLMError | undefined
  const { resolver, uninstall } = await mountWithConfig(coordinator, hook, {
    find: () => find().catch((error: unknown) => {
      if (!isLLMError(error) || error.code !== 'matrix_not_found') throw error
      missing = error
      warn(`no role can be resolved: ${error.message}`)
      return undefined
    }),
    overrides,
    ...(options.routingRules === 'reference' ? {} : {
      verify: 'catalog' as const,
      exhaustedUntil: (mountedAs: string, modelId: string) =>
        coordinator.get('providers', mountedAs) === provider ? exhaustedUntil(quota, modelId) : undefined,
    }),
    warn,
  })
  if (!resolver) {
    // What is configured and not there is told to whoever asks for a role, not that nothing is configured.
    if (missing) mount.routeResolver = () => Promise.reject(missing as LLMError)
    return { ...NO_ROUTING, uninstall }
  }
  const isChecked = options.routingRules === 'checked'
  mount.routeResolver = async (roles, { lower = false } = {}) => {
    // A second look for a lower tier spends no escalation and reports no clamp again.
    const route = await (lower ? resolver.explain(roles, { lower }) : resolver.route(roles))
    return isChecked ? route : { ...route, candidates: upToServing(route) }
  }
  try {
    if (options.strictRouting) await failOnDeadRoles(resolver)
  } catch (error) {
    uninstall()
    throw error
  }
  const ended = { value: false }
  return {
    check: () => void warnOfDeadRoles(resolver, mount, ended),
    uninstall() {
      ended.value = true
      uninstall()
    },
  }
}

/** The reference takes the first that serves and no other: what stands behind it is not tried. */
function upToServing({ candidates, resolved }: RouteExplanation): RouteExplanation['candidates'] {
  return resolved === undefined ? candidates : candidates.slice(0, candidates.indexOf(resolved) + 1)
}

/** A matrix before its overrides are laid over it. */
export interface MatrixInForce {
  /** what the host's own routing hook is configured with, but its overrides; the matrix is the one in force */
  hook: RoutingHookConfig
  /** @throws ConfigurationError */
  find(): Promise<FoundMatrix>
  /** in order */
  overrides: OverrideLayer[]
}

/** What a mount with this plan and config resolves roles by: the mount's own word before the routing hook's. */
export async function findMatrixInForce(
  plan: MountPlan, options: ProviderOptions, config: Record<string, unknown>, warn: (message: string) => void = () => undefined,
): Promise<MatrixInForce> {
  const { findNamedMatrix } = await import('./routing/find-named-matrix.js')
  const { overrides: hookOverrides, ...hook } = await readHostHook(plan, warn)
  const name = (config.matrix ?? config.default_matrix) == null ? (hook.matrix ?? options.matrix) : options.matrix
  const overrides = [...(hookOverrides ? [{ roles: hookOverrides, source: 'the routing hook' }] : []), ...readOverrides(options, config)]
  return {
    hook: { ...hook, matrix: name },
    find: () => findNamedMatrix(name, { directories: [...hook.directories, ...options.customRoutingDirs] }),
    overrides,
  }
}

/** The config of the host's own routing hook, in whose place ours stands; a wrong one is that hook's to fail on. */
async function readHostHook(plan: MountPlan, warn: (message: string) => void): Promise<RoutingHookConfig> {
  const { findHookConfig, readHookConfig } = await import('./routing/index.js')
  try {
    return findHookConfig(plan)
  } catch (error) {
    if (!isLLMError(error) || error.code === 'untrusted_option') throw error
    warn(`the config of the plan's routing hook counts for nothing: ${error.message}`)
    return readHookConfig(undefined)
  }
}

/** The mount config's overrides, each role with the place it was written at. */
function readOverrides(options: ProviderOptions, config: Record<string, unknown>): OverrideLayer[] {
  if (options.routingOverrides === undefined) return []
  const whole = originOf(config, 'routing_overrides')
  const place = (role: string) => originOf(config.routing_overrides, role) ?? whole
  return [{
    roles: options.routingOverrides as RoutingOverrides,
    originOf: (role) => {
      const origin = place(role)
      return origin && { file: origin.file, line: origin.line, column: origin.column }
    },
    ...(whole ? { source: describeOrigin(whole) } : {}),
  }]
}

/** Past its reset a model counts as live again: the first call that goes there is the probe. */
function exhaustedUntil(quota: Quota, modelId: string): number | undefined {
  // The quota knows what goes on the wire: a name's speed and effort draw on the same limit.
  const { exhaustedUntilMs, probe } = quota.inspect(parseModelName(modelId).slug)
  return probe ? undefined : exhaustedUntilMs
}

async function failOnDeadRoles(resolver: ModelRoleResolver): Promise<void> {
  const { ok, problems } = await resolver.check()
  if (!ok) throw new ConfigurationError(`strict_routing is on, and ${problems.join('; ')}`, { code: 'dead_role' })
}

async function warnOfDeadRoles(resolver: ModelRoleResolver, mount: MountContainer, ended: { value: boolean }): Promise<void> {
  try {
    const { problems } = await resolver.check()
    if (!ended.value) for (const problem of problems) mount.warn(problem)
  } catch (error) {
    if (!ended.value) mount.warn(`the roles could not be checked: ${error instanceof Error ? error.message : String(error)}`)
  }
}
