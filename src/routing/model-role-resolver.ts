import type { Coordinator } from '../contract/index.js'
import type { CatalogMemo } from './catalog-view.js'
import { checkRoles, type RolesCheck } from './check-roles.js'
import { composeMatrix, type ComposeOptions } from './compose-matrix.js'
import { explainRole, type RouteExplanation } from './explain-role.js'
import type { MountedProviders } from './find-mount.js'
import type { JudgeOptions } from './judge-candidate.js'
import { isRecord } from '../lib/index.js'
import type { PreresolvedModels } from './listing.js'
import type { RoleResolution, RoutingMatrix, RoutingOverrides } from './matrix.js'
import { resolveCandidates, type ResolvedCandidate } from './resolve-candidates.js'
import { resolveModelRole, type ResolveOptions } from './resolve-model-role.js'
import { createSharedListings, type SharedListings } from './shared-listings.js'

export interface ModelRoleResolverOptions extends JudgeOptions {
  matrix: RoutingMatrix
  /** a settings file's, or code's; see `origins` for where they were written. Several are laid over each other in order. */
  overrides?: OverrideLayer | readonly OverrideLayer[]
  /** What is mounted now; default: `coordinator.get("providers")`. */
  providers?: () => MountedProviders
  coordinator?: Pick<Coordinator, 'config' | 'get' | 'getCapability'>
  /** reads the matrix anew for `reload()` */
  load?: () => Promise<RoutingMatrix>
  /** told in a sentence why a reload kept the matrix that was in force */
  warn?: (message: string) => void
}

export interface OverrideLayer extends ComposeOptions {
  roles: RoutingOverrides
}

/** What a caller may add to one resolution. */
export type OneResolution = Pick<ResolveOptions, 'list' | 'preresolvedModels'>

/** The value of the capability `model_role_resolver`, and what ours adds to it. */
export interface ModelRoleResolver {
  /** the matrix's name */
  readonly name: string
  /** in matrix order */
  readonly known_roles: readonly string[]
  /** The matrix in force, overrides included. */
  readonly matrix: RoutingMatrix
  /** None or one answer; it never throws for "none". */
  resolve(roles: string | readonly string[], one?: OneResolution): Promise<RoleResolution[]>
  /** The whole chain in order, each candidate with its verdict. */
  candidates(roles: string | readonly string[], one?: OneResolution): Promise<ResolvedCandidate[]>
  explain(roles: string | readonly string[]): Promise<RouteExplanation>
  /** The self-check: every role resolved against the live catalog. */
  check(): Promise<RolesCheck>
  /** One moment's lists for several resolutions: pass its `list` on to each. */
  shareListings(): SharedListings
  /** Reads the matrix again; a matrix that can't be read or is wrong leaves the last good one in force. Answers whether it was replaced. */
  reload(): Promise<boolean>
}

/**
 * A resolver over one matrix and what is mounted at the moment of asking.
 * @throws ConfigurationError where the overrides are wrong
 */
export function createModelRoleResolver(options: ModelRoleResolverOptions): ModelRoleResolver {
  const memo: CatalogMemo = new WeakMap()
  let matrix = withOverrides(options.matrix, options.overrides)
  const providers = (): MountedProviders => options.providers?.() ?? mountedIn(options.coordinator)
  const bound: ResolveOptions & { memo: CatalogMemo } = {
    memo,
    ...(options.coordinator === undefined ? {} : { coordinator: options.coordinator }),
    ...(options.verify === undefined ? {} : { verify: options.verify }),
    ...(options.exhaustedUntil === undefined ? {} : { exhaustedUntil: options.exhaustedUntil }),
  }
  const merged = (one: OneResolution | undefined): ResolveOptions => {
    // A checked route asks the provider, whose catalog knows its own age; the reference takes what was fetched at the start.
    const preresolvedModels = bound.verify === undefined ? preresolvedIn(options.coordinator) : undefined
    if (one === undefined && preresolvedModels === undefined) return bound
    return { ...bound, ...(preresolvedModels === undefined ? {} : { preresolvedModels }), ...one }
  }
  return {
    get name() {
      return matrix.name
    },
    get known_roles() {
      return Object.keys(matrix.roles)
    },
    get matrix() {
      return matrix
    },
    resolve: (roles, one) => resolveModelRole(roles, matrix.roles, providers(), merged(one)),
    candidates: (roles, one) => resolveCandidates(roles, matrix.roles, providers(), merged(one)),
    explain: (roles) => explainRole(roles, matrix, providers(), bound),
    check: () => checkRoles(matrix.roles, providers(), bound),
    shareListings: () => createSharedListings(providers(), bound),
    async reload() {
      if (options.load === undefined) return false
      try {
        matrix = withOverrides(await options.load(), options.overrides)
        return true
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        options.warn?.(`the routing matrix ${matrix.name} stays as it was: ${reason}`)
        return false
      }
    },
  }
}

function withOverrides(matrix: RoutingMatrix, overrides: ModelRoleResolverOptions['overrides']): RoutingMatrix {
  const layers = overrides === undefined ? [] : 'roles' in overrides ? [overrides] : overrides
  return { ...matrix, roles: layers.reduce((roles, layer) => composeMatrix(roles, layer.roles, layer), matrix.roles) }
}

/** Lists that `session:start` shared through the capability `session.routing`. */
function preresolvedIn(coordinator: Pick<Coordinator, 'getCapability'> | undefined): PreresolvedModels | undefined {
  const routing = coordinator?.getCapability('session.routing')
  const models = isRecord(routing) ? routing['preresolved_models'] : undefined
  return isRecord(models) ? (models as Record<string, readonly unknown[]>) : undefined
}

/** Hosts answer a record or a Map; nothing where nothing is mounted yet. */
function mountedIn(coordinator: Pick<Coordinator, 'get'> | undefined): MountedProviders {
  const mounted = coordinator?.get('providers')
  return typeof mounted === 'object' && mounted !== null ? (mounted as MountedProviders) : {}
}
