import { ConfigurationError, ROUTING_HOOKS, type MountPlan, type MountPlanEntry } from '../contract/index.js'
import { judgeHookConfig } from '../config/judge-config.js'
import { originOf, throwErrors, type Origin } from '../documents/index.js'
import { isRecord, readString } from '../lib/index.js'
import type { RoutingOverrides } from './matrix.js'
import { isFalsy, pythonRepr } from './python-text.js'

/** Where the role table stands: in the system prompt, which providers cache, or injected anew before each request. */
export type Placement = 'prefix' | 'inject'

/** What a host's own routing hook is configured with; ours obeys it where it stands in. */
export interface RoutingHookConfig {
  /** name of the matrix */
  matrix?: string
  /** searched before all others */
  directories: string[]
  overrides?: RoutingOverrides
  placement: Placement
  /** agents that are resolved at the same time */
  maxConcurrentResolutions: number
  /** whether the session's own preferences are put back in force on the mounted providers */
  reassertRolePin: boolean
  disableDelegationPreset: boolean
}

const PLACEMENTS: readonly string[] = ['prefix', 'inject']
const CONCURRENT_RESOLUTIONS = 4

/** What a hook without config does. */
export const HOOK_DEFAULTS: RoutingHookConfig = Object.freeze({
  directories: [], placement: 'prefix', maxConcurrentResolutions: CONCURRENT_RESOLUTIONS, reassertRolePin: true, disableDelegationPreset: false,
})

/**
 * Reads a routing hook's config: `default_matrix`, `custom_routing_dirs`, `overrides`, `placement`,
 * `max_concurrent_role_resolutions` (4), `reassert_role_pin` (true), `disable_delegation_preset` (false). Names, folders
 * and overrides of a wrong type are left out.
 * @param origin where the config was written as a whole, for values that carry no origin of their own
 * @throws ConfigurationError `hook_config` for a wrong placement or number; `untrusted_option` for what a project may not say
 */
export function readHookConfig(config: unknown, origin?: Origin): RoutingHookConfig {
  if (!isRecord(config)) return HOOK_DEFAULTS
  throwErrors(judgeHookConfig(config, {}, origin), 'untrusted_option')
  const matrix = readString(config, 'default_matrix')
  const directories = config['custom_routing_dirs']
  const overrides = config['overrides']
  return {
    ...(matrix === undefined || matrix === '' ? {} : { matrix }),
    directories: Array.isArray(directories) ? directories.filter((item): item is string => typeof item === 'string' && item !== '') : [],
    // Their shape is composeMatrix's to judge: it names the role that is wrong.
    ...(isRecord(overrides) ? { overrides: overrides as RoutingOverrides } : {}),
    placement: readPlacement(config['placement']),
    maxConcurrentResolutions: readConcurrency(config['max_concurrent_role_resolutions']),
    reassertRolePin: config['reassert_role_pin'] === undefined || !isFalsy(config['reassert_role_pin']),
    disableDelegationPreset: !isFalsy(config['disable_delegation_preset']),
  }
}

function readPlacement(value: unknown = 'prefix'): Placement {
  if (value === 'prefix' || value === 'inject') return value
  throw new ConfigurationError(`Invalid placement=${pythonRepr(value)}. Valid values: ${PLACEMENTS.join(', ')}.`, { code: 'hook_config' })
}

function readConcurrency(value: unknown = CONCURRENT_RESOLUTIONS): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value
  throw new ConfigurationError(
    `Invalid max_concurrent_role_resolutions=${pythonRepr(value)}. Must be an integer >= 1 (default ${CONCURRENT_RESOLUTIONS}).`, { code: 'hook_config' },
  )
}

/** The config of the mount plan's routing hook, the defaults where the plan has none. @throws ConfigurationError as {@link readHookConfig} */
export function findHookConfig(plan: MountPlan): RoutingHookConfig {
  const entry = findRoutingHook(plan)
  return readHookConfig(entry?.config, originOf(entry, 'config'))
}

/** The mount plan's entry of a routing hook. */
function findRoutingHook(plan: MountPlan): MountPlanEntry | undefined {
  const hooks: unknown = plan.hooks
  if (!Array.isArray(hooks)) return undefined
  return hooks.find((hook: unknown): hook is MountPlanEntry => isRecord(hook) && ROUTING_HOOKS.includes(String(hook['module'])))
}
