import type { CallerContext, ClampRecord, Coordinator } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { deriveCallerContext } from './caller-context.js'
import type { CatalogMemo } from './catalog-view.js'
import { checkRoles, type RolesCheck } from './check-roles.js'
import { composeEffectiveMatrix, type EffectiveMatrix, type OverrideLayer } from './effective-matrix.js'
import { explainRole, type RouteExplanation } from './explain-role.js'
import { mountedNames, type MountedProviders } from './find-mount.js'
import type { JudgeOptions } from './judge-candidate.js'
import type { MatrixFile } from './matrix-source.js'
import type { RoleResolution, RoutingMatrix } from './matrix.js'
import { planEntries } from './plan-entries.js'
import { isActive } from './preset.js'
import { bareName } from './provider-words.js'
import { resolveModelRole, type ResolveOptions, type RouteStep } from './resolve-model-role.js'
import { createSessionLists } from './session-lists.js'
import { createSharedListings, type SharedListings } from './shared-listings.js'

export interface ModelRoleResolverOptions extends JudgeOptions {
  /** the matrix in force, as `composeEffectiveMatrix` answers it, or a file's with `overrides` beside it */
  matrix: EffectiveMatrix | RoutingMatrix
  /** Laid over the roles in order; a settings file's, or code's. */
  overrides?: OverrideLayer | readonly OverrideLayer[]
  /** true resolves as if the matrix had no preset */
  disableDelegationPreset?: boolean
  /** What is mounted now; default: `coordinator.get("providers")`. */
  providers?: () => MountedProviders
  coordinator?: Pick<Coordinator, 'config'> & Partial<Pick<Coordinator, 'get' | 'getCapability'>>
  /** where the matrix was found, for those who ask which file decides */
  origin?: MatrixFile
  /** lists by mounted key that a parent session fetched */
  preresolved?: Readonly<Record<string, readonly unknown[]>>
  /** default: the host's capability `provider.check_available`, where it has one */
  checkAvailable?: (mountedAs: string) => unknown
  /** told of each clamp record, once for the role that resolved */
  onClamp?: (record: ClampRecord) => Promise<void> | void
  observe?: (step: RouteStep) => void
  /** reads the matrix anew for `reload()` */
  load?: () => Promise<RoutingMatrix>
  /** told in a sentence why a reload kept the matrix that was in force */
  warn?: (message: string) => void
}

/** What a caller may add to one resolution. */
export interface OneResolution extends Pick<ResolveOptions, 'list' | 'preresolvedModels'> {
  /** what the session that delegates runs on; default: its own mount plan says it */
  caller?: CallerContext
  /** `off` resolves without the preset */
  inherit?: 'off'
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
   * None or one answer.
   * @throws where a host's account check or, with it, a list failed and nothing else serves; where a scope leaves none
   */
  resolve(roles: string | readonly string[], caller_context?: CallerContext | null, one?: OneResolution): Promise<RoleResolution[]>
  explain(roles: string | readonly string[], one?: OneResolution): Promise<RouteExplanation>
  /** The self-check: every role resolved against the live catalog. */
  check(): Promise<RolesCheck>
  /** What this session runs on, where the preset asks for it. */
  callerContext(): CallerContext | undefined
  /** One moment's lists for several resolutions: pass its `list` on to each. */
  shareListings(): SharedListings
  /** Lists by mounted key that this resolver holds. */
  knownLists(): Readonly<Record<string, readonly unknown[]>>
  /** Takes over lists by mounted key that another session fetched. */
  learnLists(lists: Readonly<Record<string, readonly unknown[]>>): void
  /** Reads the matrix again; one that can't be read or is wrong leaves the last good one in force. Answers whether it was replaced. */
  reload(): Promise<boolean>
}

/** Clamp records kept for whoever asks; the event log has them all. */
const KEPT_RECORDS = 200

/**
 * A resolver over one matrix and what is mounted at the moment of asking.
 * @throws ConfigurationError where the overrides, the preset or the scope are wrong
 */
export function createModelRoleResolver(options: ModelRoleResolverOptions): ModelRoleResolver {
  const { coordinator, origin } = options
  const memo: CatalogMemo = new WeakMap()
  const records: ClampRecord[] = []
  const providers = (): MountedProviders => options.providers?.() ?? mountedIn(coordinator)
  const lists = createSessionLists(memo, providers, options.preresolved)
  let { matrix, bound } = bind(options, options.matrix, memo, (record) => {
    if (records.push(record) > 2 * KEPT_RECORDS) records.splice(0, KEPT_RECORDS)
    return options.onClamp?.(record)
  })
  const onClamp = bound.onClamp
  const callerContext = () => {
    const caller = isActive(matrix.preset) ? deriveCallerContext(planEntries(coordinator), matrix.preset) : undefined
    // The reference leaves a caller whose entry has no id to its host's default; a checked route has to say where it goes.
    return caller === undefined || bound.verify === undefined ? caller : withMountedKey(caller, providers())
  }
  const merged = (one: OneResolution): ResolveOptions => {
    const { inherit, caller, list, preresolvedModels } = one
    const checkAvailable = options.checkAvailable ?? availabilityIn(coordinator)
    const asked = bound.verify === undefined
      ? { list: list ?? lists.fetch, preresolvedModels: preresolvedModels ?? lists.known }
      : { ...(list === undefined ? {} : { list }), ...(preresolvedModels === undefined ? {} : { preresolvedModels }) }
    const from = isActive(bound.preset) && inherit !== 'off' ? caller ?? callerContext() : undefined
    const { preset, ...rest } = bound
    return {
      ...rest, ...asked,
      ...(preset === undefined || inherit === 'off' ? {} : { preset }),
      ...(from === undefined ? {} : { caller: from }),
      ...(checkAvailable === undefined ? {} : { checkAvailable }),
    }
  }
  return {
    get name() { return matrix.name },
    get known_roles() { return Object.keys(matrix.roles) },
    get matrix() { return matrix },
    matrix_path: origin?.path ?? null,
    matrix_source: origin?.source ?? null,
    shadowed_paths: (origin?.shadowed ?? []).map(([path]) => path),
    get clamp_records() { return records.slice(-KEPT_RECORDS) },
    get provider_module_allowlist() { return matrix.allowlist ?? null },
    resolve: async (roles, caller, one = {}) =>
      resolveModelRole(roles, matrix.roles, providers(), merged(caller ? { ...one, caller } : one)),
    explain: (roles, one = {}) => explainRole(roles, matrix, providers(), withoutSpending(merged(one))),
    check: () => checkRoles(matrix.roles, providers(), withoutSpending(merged({ inherit: 'off' }))),
    callerContext,
    shareListings: () => createSharedListings(providers(), { memo }),
    knownLists: () => ({ ...lists.known }),
    learnLists: (known) => void Object.assign(lists.known, known),
    async reload() {
      if (options.load === undefined) return false
      try {
        ({ matrix, bound } = bind(options, await options.load(), memo, onClamp))
        return true
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        options.warn?.(`the routing matrix ${matrix.name} stays as it was: ${reason}`)
        return false
      }
    },
  }
}

type Bound = ResolveOptions & { memo: CatalogMemo }

function bind(
  options: ModelRoleResolverOptions, source: EffectiveMatrix | RoutingMatrix, memo: CatalogMemo, onClamp: ResolveOptions['onClamp'],
): { matrix: EffectiveMatrix; bound: Bound } {
  const { overrides = [], disableDelegationPreset = false } = options
  const layers = 'roles' in overrides ? [overrides] : overrides
  const matrix = isEffective(source) && layers.length === 0
    ? source
    : composeEffectiveMatrix(source as RoutingMatrix, { overrides: layers, disableDelegationPreset })
  const { preset, allowlist } = matrix
  return {
    matrix,
    bound: {
      memo,
      ...(onClamp === undefined ? {} : { onClamp }),
      ...(options.coordinator === undefined ? {} : { coordinator: options.coordinator }),
      ...(options.verify === undefined ? {} : { verify: options.verify }),
      ...(options.exhaustedUntil === undefined ? {} : { exhaustedUntil: options.exhaustedUntil }),
      ...(options.observe === undefined ? {} : { observe: options.observe }),
      ...(allowlist === undefined ? {} : { allowlist }),
      ...(isActive(preset) ? { preset, plans: new Map(), escalations: { maxUses: preset.escalate.maxUses, used: 0 } } : {}),
    },
  }
}

/** A file's preset is a block with words of its own, a parsed one has `tierLadder`. */
function isEffective(matrix: EffectiveMatrix | RoutingMatrix): matrix is EffectiveMatrix {
  if ('allowlist' in matrix || 'removed' in matrix) return true
  const { preset } = matrix
  if (isRecord(preset)) return 'tierLadder' in preset
  return !('provider_module_allowlist' in matrix)
}

/** Asking how a role would go counts no escalation and reports nothing. */
function withoutSpending(options: ResolveOptions): ResolveOptions {
  const { onClamp: _, plans: __, escalations, ...rest } = options
  return { ...rest, ...(escalations === undefined ? {} : { escalations: { ...escalations } }) }
}

function availabilityIn(coordinator: ModelRoleResolverOptions['coordinator']): ((mountedAs: string) => unknown) | undefined {
  const check = coordinator?.getCapability?.('provider.check_available')
  return typeof check === 'function' ? (mountedAs) => Reflect.apply(check, undefined, [mountedAs]) as unknown : undefined
}

/** A plan entry without an id names its module, which is mounted under a shorter name. */
function withMountedKey(caller: CallerContext, providers: MountedProviders): CallerContext {
  const names = mountedNames(providers)
  const short = bareName(caller.provider_key)
  return names.includes(caller.provider_key) || !names.includes(short) ? caller : { ...caller, provider_key: short }
}

/** Hosts answer a record or a Map; nothing where nothing is mounted yet. */
function mountedIn(coordinator: ModelRoleResolverOptions['coordinator']): MountedProviders {
  const mounted = coordinator?.get?.('providers')
  return typeof mounted === 'object' && mounted !== null ? (mounted as MountedProviders) : {}
}
