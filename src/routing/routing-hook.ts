import { ConfigurationError, EVENTS, type ClampRecord, type Coordinator } from '../contract/index.js'
import { describeOrigin } from '../documents/index.js'
import { defined, isRecord, suggestName } from '../lib/index.js'
import { deriveCallerContext } from './caller-context.js'
import { composeEffectiveMatrix, type EffectiveMatrix, type OverrideLayer } from './effective-matrix.js'
import { mountedIn, viewMounts } from './find-mount.js'
import { readHookConfig, type RoutingHookConfig } from './hook-config.js'
import { installRouting, ROUTING_CAPABILITY } from './install-routing.js'
import type { JudgeOptions } from './judge-candidate.js'
import { expandDirectories, loadMatrix } from './load-matrix.js'
import { listConfigErrors } from './matrix-errors.js'
import { resolveMatrixSource, SHIPPED_DIRECTORY, type MatrixFile } from './matrix-source.js'
import type { RoutingMatrix, RoutingOverrides } from './matrix.js'
import { createModelRoleResolver, type ModelRoleResolver } from './model-role-resolver.js'
import { planEntries } from './plan-entries.js'
import { findUnplaced } from './preset-problems.js'
import { rungOf } from './tier-ladder.js'

/** A matrix and where it was found. */
export interface FoundMatrix {
  matrix: RoutingMatrix
  origin: MatrixFile
}

export interface RoutingHookOptions extends JudgeOptions {
  /** the matrix, where the host finds it in its own way; default: by the hook's config */
  find?: () => Promise<FoundMatrix | undefined>
  /** laid over those of the hook's config */
  overrides?: readonly OverrideLayer[]
  /** folder of the matrices that are searched last; default: the package's own */
  shippedDirectory?: string
  /** told in a sentence what is wrong and does not keep the hook from mounting */
  warn?: (message: string) => void
}

export interface MountedRoutingHook {
  /** undefined where no matrix is in force */
  resolver?: ModelRoleResolver
  /** twice without harm */
  uninstall: () => void
}

/** The matrix of hosts that name none. */
const DEFAULT_MATRIX = 'balanced'

/**
 * The routing hook: finds the matrix, lays the overrides over it, checks its candidates' settings against the mounted
 * providers, and installs resolver and hooks. A matrix that is nowhere is a warning.
 * @param config as a mount plan's `hooks` entry has it, see {@link readHookConfig}; or what was read from it
 * @throws ConfigurationError for a wrong config, a file that is broken, a wrong preset, and, with a preset, settings that
 *   a provider refuses
 */
export async function mountRoutingHook(
  coordinator: Coordinator, config: Record<string, unknown> = {}, options: RoutingHookOptions = {},
): Promise<MountedRoutingHook> {
  return mountWithConfig(coordinator, readHookConfig(config), options)
}

export async function mountWithConfig(
  coordinator: Coordinator, config: RoutingHookConfig, { find, overrides = [], shippedDirectory, warn = () => undefined, ...judging }: RoutingHookOptions,
): Promise<MountedRoutingHook> {
  const { matrix: name = DEFAULT_MATRIX, placement, maxConcurrentResolutions, reassertRolePin } = config
  const found = await (find ?? (() => findMatrix(name, config.directories, shippedDirectory, warn)))()
  const resolver = found && createResolver(coordinator, found, { ...config, matrix: name }, { ...judging, overrides, warn })
  const uninstall = installRouting(coordinator, { resolver, matrixName: name, placement, maxConcurrentResolutions, reassertRolePin, warn })
  return { uninstall, ...defined({ resolver }) }
}

async function findMatrix(
  name: string, directories: readonly string[], shipped = SHIPPED_DIRECTORY, warn: (message: string) => void,
): Promise<FoundMatrix | undefined> {
  const origin = await resolveMatrixSource(name, await expandDirectories(directories), shipped)
  if (origin.path !== undefined) return { matrix: await loadMatrix(origin.path), origin }
  warn(`no role can be resolved: there is no routing matrix ${name} (looked for ${origin.searched.join(', ')})`)
  return undefined
}

function createResolver(
  coordinator: Coordinator, { matrix, origin }: FoundMatrix, config: RoutingHookConfig,
  { overrides, warn, ...judging }: JudgeOptions & { overrides: readonly OverrideLayer[]; warn: (message: string) => void },
): ModelRoleResolver | undefined {
  const layers = [
    ...(config.overrides === undefined ? [] : [{ roles: config.overrides, source: 'the routing hook' }]),
    ...overrides,
    ...readCapabilityOverrides(coordinator),
  ]
  for (const slip of findSlips(matrix, layers)) warn(slip)
  const effective = composeEffectiveMatrix(matrix, { overrides: layers, disableDelegationPreset: config.disableDelegationPreset })
  for (const removed of effective.removed ?? []) warn(removed)
  if (layers.length > 0) warnOfUnplaced(coordinator, effective, warn)
  judgeSettings(coordinator, effective, origin.path, warn)
  if (Object.keys(effective.roles).length === 0) return undefined
  return createModelRoleResolver({
    effective, origin, coordinator, ...judging,
    onClamp: (record: ClampRecord) =>
      coordinator.hooks.hasHandlers?.(EVENTS.intentClamped) === false ? undefined : coordinator.hooks.emit(EVENTS.intentClamped, { ...record }),
  })
}

/** Overrides that add a role, whose name is nearly that of a role of the matrix. */
function findSlips({ name, roles }: RoutingMatrix, layers: readonly OverrideLayer[]): string[] {
  const known = Object.keys(roles)
  return layers.flatMap((layer) => Object.keys(layer.roles).flatMap((role) => {
    const meant = known.includes(role) ? undefined : suggestName(role, known)
    if (meant === undefined) return []
    const place = layer.originOf?.(role)
    return [`${place === undefined ? '' : `${describeOrigin(place)}: `}the override ${role} adds a role to the matrix ${name}; did you mean ${meant}?`]
  }))
}

/** Overrides that a parent session hands down. */
function readCapabilityOverrides(coordinator: Coordinator): OverrideLayer[] {
  const routing = coordinator.getCapability(ROUTING_CAPABILITY)
  const overrides = isRecord(routing) ? routing['overrides'] : undefined
  return isRecord(overrides) ? [{ roles: overrides as RoutingOverrides, source: 'the parent session' }] : []
}

/** The preset was checked against its file; overrides may add what it can place nowhere, and then a session that names its model goes without. */
function warnOfUnplaced(coordinator: Coordinator, { roles, preset }: EffectiveMatrix, warn: (message: string) => void): void {
  const caller = preset && deriveCallerContext(planEntries(coordinator), preset)
  if (preset === undefined || caller === undefined || rungOf(caller.model, preset.tierLadder.get(caller.family)) === undefined) return
  const unplaced = findUnplaced(preset, roles)
  if (unplaced.length > 0) warn(`this session hands on its model ${caller.model}, so its roles go without: ${unplaced.join(' ')} Set default_model: latest, or the hook's disable_delegation_preset, to have them`)
}

/** A setting that its provider refuses is never sent: a warning, or where a preset hands efforts on, an error. */
function judgeSettings(coordinator: Coordinator, { roles, preset }: EffectiveMatrix, path: string | undefined, warn: (message: string) => void): void {
  const providers = mountedIn(coordinator)
  const errors = listConfigErrors(roles, providers, viewMounts(providers, coordinator, undefined))
  if (errors.length === 0) return
  if (preset !== undefined) {
    const lines = errors.map((error) => `\n  ${error}`).join('')
    throw new ConfigurationError(`Invalid config in preset-bearing matrix ${path ?? 'in code'} (these values are IGNORED by the provider):${lines}`, { code: 'matrix_config' })
  }
  for (const error of errors) warn(`${path ?? 'the routing matrix'}: ${error}`)
}
