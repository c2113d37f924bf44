import { ROUTING_HOOKS, type MountPlan, type MountPlanEntry } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import type { RoutingOverrides } from './matrix.js'

/** What a host's own routing hook is configured with; ours obeys it where it stands in. */
export interface RoutingHookConfig {
  /** name of the matrix */
  matrix?: string
  /** searched before all others */
  directories: string[]
  overrides?: RoutingOverrides
}

/** Reads `default_matrix`, `custom_routing_dirs` and `overrides` of a hook's config; what has the wrong type is left out. */
export function readHookConfig(config: unknown): RoutingHookConfig {
  if (!isRecord(config)) return { directories: [] }
  const matrix = readString(config, 'default_matrix')
  const directories = config['custom_routing_dirs']
  const overrides = config['overrides']
  return {
    ...(matrix === undefined || matrix === '' ? {} : { matrix }),
    directories: Array.isArray(directories) ? directories.filter((item): item is string => typeof item === 'string') : [],
    // Their shape is composeMatrix's to judge: it names the role that is wrong.
    ...(isRecord(overrides) ? { overrides: overrides as RoutingOverrides } : {}),
  }
}

/** The config of the mount plan's routing hook, nothing set where the plan has none. */
export function findHookConfig(plan: MountPlan): RoutingHookConfig {
  return readHookConfig(findRoutingHook(plan)?.config)
}

/** The mount plan's entry of a routing hook. */
export function findRoutingHook(plan: MountPlan): MountPlanEntry | undefined {
  const hooks: unknown = plan.hooks
  if (!Array.isArray(hooks)) return undefined
  return hooks.find((hook: unknown): hook is MountPlanEntry => isRecord(hook) && ROUTING_HOOKS.includes(String(hook['module'])))
}
