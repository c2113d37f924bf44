import type { Quota } from './account/index.js'
import { ConfigurationError, isLLMError, type Coordinator, type MountPlan, type MountPlanEntry } from './contract/index.js'
import { describeOrigin, originOf, type ProviderOptions } from './config/index.js'
import { judgeHookConfig, judgeRoles } from './config/judge-config.js'
import { buildRefusalError } from './config/refusal-error.js'
import type { MountContainer } from './container.js'
import { parseModelName } from './responses/index.js'
import { isRecord } from './lib/index.js'
import { findRoutingHook } from './routing/hook-config.js'
import type { MatrixOrigin, MatrixRoles, ModelRoleResolver, OverrideLayer, RoutingMatrix, RoutingOverrides } from './routing/index.js'

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
  const { createModelRoleResolver, installRouting } = await import('./routing/index.js')
  const { load, overrides } = await findMatrixInForce(coordinator.config, options, config)
  const matrix = await loadOrWarn(load, mount)
  if (!matrix) return NO_ROUTING
  const { provider, quota } = mount
  await quota.ready()
  const resolver = createModelRoleResolver({
    matrix,
    load,
    coordinator,
    verify: 'catalog',
    warn: mount.warn,
    exhaustedUntil: (mountedAs, modelId) =>
      coordinator.get('providers', mountedAs) === provider ? exhaustedUntil(quota, modelId) : undefined,
    overrides,
  })
  mount.routeResolver = (roles) => resolver.explain(roles)
  if (options.strictRouting) await failOnDeadRoles(resolver)
  const uninstall = installRouting(coordinator, { resolver, warn: mount.warn })
  const ended = { value: false }
  return {
    check: () => void warnOfDeadRoles(resolver, mount, ended),
    uninstall() {
      ended.value = true
      uninstall()
    },
  }
}

/** A matrix before its overrides are laid over it. */
export interface MatrixInForce {
  /** @throws ConfigurationError */
  load(): Promise<RoutingMatrix>
  overrides: OverrideLayer[]
}

/** What a mount with this plan and config resolves roles by: the mount's own word before the routing hook's. */
export async function findMatrixInForce(
  plan: MountPlan, options: ProviderOptions, config: Record<string, unknown>,
): Promise<MatrixInForce> {
  const { findHookConfig, loadMatrix, originOf: placeOf } = await import('./routing/index.js')
  judgeHook(findRoutingHook(plan))
  const hook = findHookConfig(plan)
  const name = (config.matrix ?? config.default_matrix) == null ? (hook.matrix ?? options.matrix) : options.matrix
  const overrides: OverrideLayer[] = [
    ...(hook.overrides ? [{ roles: hook.overrides, source: 'the routing hook' }] : []),
    ...readOverrides(options, config),
  ]
  for (const { roles } of overrides) judgeCandidatesOf(roles, () => undefined)
  return {
    load: async () => {
      const matrix = await loadMatrix(name, { directories: [...hook.directories, ...options.customRoutingDirs] })
      judgeCandidatesOf(matrix.roles, placeOf)
      return matrix
    },
    overrides,
  }
}

/** The plan's routing hook is obeyed here, so what it says is judged here, in every host. @throws ConfigurationError */
function judgeHook(entry: MountPlanEntry | undefined): void {
  if (!isRecord(entry?.config)) return
  const refused = judgeHookConfig(entry.config, {}, originOf(entry, 'config'))
  if (refused.length > 0) throw buildRefusalError(refused)
}

/** Candidates of any matrix hold only what a project may set. @throws ConfigurationError naming the candidate's place */
function judgeCandidatesOf(roles: MatrixRoles | RoutingOverrides, placeOf: (part: object) => MatrixOrigin | undefined): void {
  const refused = Object.entries(roles).flatMap(([role, entry]: [string, unknown]) => {
    const candidates: unknown = isRecord(entry) ? entry['candidates'] : entry
    return (Array.isArray(candidates) ? candidates : []).flatMap((candidate: unknown) => {
      const { file, line = 1, column = 1 } = (isRecord(candidate) && placeOf(candidate)) || {}
      const refusals = judgeRoles({ [role]: [candidate] }, 'roles', { origin: undefined, context: { all: true } })
      return refusals.map((refusal) => ({ ...refusal, message: `${file === undefined ? '' : `${file}:${line}:${column}: `}role ${role}: ${refusal.message}` }))
    })
  })
  if (refused.length > 0) throw buildRefusalError(refused)
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

async function loadOrWarn(load: () => Promise<RoutingMatrix>, mount: MountContainer): Promise<RoutingMatrix | undefined> {
  try {
    return await load()
  } catch (error) {
    if (!isLLMError(error) || error.code !== 'matrix_not_found') throw error
    mount.warn(`no role can be resolved: ${error.message}`)
    return undefined
  }
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
