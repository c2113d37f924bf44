import type { CallerContext, ClampRecord, Coordinator } from '../contract/index.js'
import { defined, isPromiseLike } from '../lib/index.js'
import type { RolesCheck } from './check-roles.js'
import { composeEffectiveMatrix, type EffectiveMatrix, type OverrideLayer } from './effective-matrix.js'
import type { RouteExplanation } from './explain-role.js'
import { mountedIn, type MountedProviders } from './find-mount.js'
import type { JudgeOptions } from './judge-candidate.js'
import { createListings, type ListsKept } from './model-listings.js'
import type { MatrixFile } from './matrix-source.js'
import type { RoleResolution, RoutingMatrix } from './matrix.js'
import { createRouteEngine, type OneResolution, type RouteStep } from './route-engine.js'

/** A file's data, checked and composed here; or what `composeEffectiveMatrix` has answered, taken as it is. */
export type ResolverMatrix =
  | { matrix: RoutingMatrix; overrides?: readonly OverrideLayer[]; disableDelegationPreset?: boolean }
  | { effective: EffectiveMatrix }

export type ModelRoleResolverOptions = ResolverMatrix & JudgeOptions & {
  /** What is mounted now; default: `coordinator.get("providers")`. */
  providers?: () => MountedProviders
  coordinator?: Pick<Coordinator, 'config'> & Partial<Pick<Coordinator, 'get' | 'getCapability'>>
  /** where the matrix was found, for those who ask which file decides */
  origin?: MatrixFile
  /** lists by mounted key that a parent session fetched */
  preresolved?: Readonly<Record<string, readonly unknown[]>>
  /** default: `call` with `verify`, else `session` */
  lists?: ListsKept
  /** default: the host's capability `provider.check_available`, where it has one */
  checkAvailable?: (mountedAs: string) => unknown
  /** told of each clamp record, once for the role that resolved */
  onClamp?: (record: ClampRecord) => unknown
  observe?: (step: RouteStep) => void
}

/** The value of the capability `model_role_resolver`, and what ours adds to it. */
export interface ModelRoleResolver {
  /** the matrix's name */
  readonly name: string
  /** in matrix order */
  readonly known_roles: readonly string[]
  /** the file in force; null where the matrix came from code */
  readonly matrix_path: string | null
  readonly matrix_source: string | null
  /** files of the same matrix that do not count */
  readonly shadowed_paths: readonly string[]
  /** the newest clamp records, oldest first */
  readonly clamp_records: readonly ClampRecord[]
  /** the only modules that may serve; null where the matrix names none */
  readonly provider_module_allowlist: readonly string[] | null
  /** The matrix in force, overrides included. */
  readonly matrix: EffectiveMatrix
  /**
   * None or one answer: roles in order, within a role its candidates in order, as the preset allows them. With `verify`
   * a name is answered only if the provider's live list has it, or the list can't be had; a pattern never leaves.
   * @throws what a host's account check or, with it, a list threw first, where nothing else serves; ConfigurationError
   *   where a scope leaves none, or a Claude Haiku cannot honour the settings
   */
  resolve(roles: string | readonly string[], caller_context?: CallerContext | null, one?: OneResolution): Promise<RoleResolution[]>
  /** The whole chain with every verdict. Counts no escalation and reports nothing. */
  explain(roles: string | readonly string[], one?: OneResolution): Promise<RouteExplanation>
  /** As `explain`, for a call that is made: escalations count, and the clamp record of the role that serves is reported. */
  route(roles: string | readonly string[], one?: OneResolution): Promise<RouteExplanation>
  /** The self-check: every role as it would resolve now, preset included, against the live lists. */
  check(): Promise<RolesCheck>
  /** What this session runs on, where the preset asks for it. */
  callerContext(): CallerContext | undefined
  /** Lists by mounted key that this resolver holds. */
  knownLists(): Readonly<Record<string, readonly unknown[]>>
  /** Takes over lists by mounted key that another session fetched. */
  learnLists(lists: Readonly<Record<string, unknown>>): void
}

/** Clamp records kept for those who ask; the event log has them all. */
const KEPT_RECORDS = 200

/**
 * The one way from roles to models: a resolver over one matrix and what is mounted at the moment of asking. Without
 * `verify` its answers are the reference implementation's.
 * @throws ConfigurationError where the overrides, the preset or the scope are wrong
 */
export function createModelRoleResolver(options: ModelRoleResolverOptions): ModelRoleResolver {
  const { origin, coordinator } = options
  const matrix = 'effective' in options ? options.effective : composeEffectiveMatrix(options.matrix, options)
  const listings = createListings(options.lists ?? (options.verify === undefined ? 'session' : 'call'), options.preresolved)
  const records: ClampRecord[] = []
  const keep = (record: ClampRecord): void => {
    if (records.push(record) > 2 * KEPT_RECORDS) records.splice(0, KEPT_RECORDS)
  }
  // A sink that fails has lost a record, nothing else: reporting never keeps a role from its model.
  const lost = (): undefined => undefined
  const report = (record: ClampRecord): Promise<void> | undefined => {
    keep(record)
    try {
      const told = options.onClamp?.(record)
      return isPromiseLike(told) ? Promise.resolve(told).then(lost, lost) : undefined
    } catch {
      return lost()
    }
  }
  const onClamp = options.onClamp === undefined ? keep : report
  const { verify, exhaustedUntil, checkAvailable, observe } = options
  const engine = createRouteEngine({
    matrix, listings, coordinator, onClamp, checkAvailable, observe,
    ...defined({ verify, exhaustedUntil }),
    providers: options.providers ?? (() => mountedIn(coordinator)),
  })
  return {
    name: matrix.name,
    known_roles: Object.keys(matrix.roles),
    matrix,
    matrix_path: origin?.path ?? null,
    matrix_source: origin?.source ?? null,
    shadowed_paths: (origin?.shadowed ?? []).map(([path]) => path),
    get clamp_records() { return records.slice(-KEPT_RECORDS) },
    provider_module_allowlist: matrix.allowlist ?? null,
    resolve: (roles, caller, one = {}) => engine.resolve(roles, caller ? { ...one, caller } : one),
    explain: (roles, one = {}) => engine.explain(roles, one),
    route: (roles, one = {}) => engine.route(roles, one),
    check: () => engine.check(),
    callerContext: () => engine.situation().caller,
    knownLists: () => listings.known(),
    learnLists: (lists) => listings.learn(lists),
  }
}
