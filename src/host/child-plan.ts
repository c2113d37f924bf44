import type { AgentPlan, JsonObject, MountPlan, MountPlanEntry } from '../contract/index.js'
import { inheritUserEntry } from '../config/inherit-user-entry.js'
import { mergeModuleEntries, readModuleEntries } from '../config/module-entry.js'
import { attachOrigins, copyWithOrigins, mergeMappings, originOf, originsOf, type Origin } from '../documents/index.js'
import { isRecord } from '../lib/index.js'

export type ProviderPreference = NonNullable<AgentPlan['provider_preferences']>[number]

/** A preference's config, known to have come by one: it may set what a project may. */
function markCandidate(config: JsonObject): JsonObject {
  const place: Origin = { file: 'a provider preference', line: 1, column: 1, whose: 'caller' }
  const origins = Object.keys(config).map((key): [string, Origin] => [key, { ...(originOf(config, key) ?? place), via: 'candidate' }])
  return attachOrigins({ ...config }, Object.fromEntries(origins))
}

/** Whether a preference's `provider` (a mounted key, a module name, or one without `provider-`) means this entry. */
function isMeant(entry: MountPlanEntry, provider: string): boolean {
  if (entry.id !== undefined) return entry.id === provider || entry.id === `provider-${provider}`
  return entry.module === provider || entry.module === `provider-${provider}`
}

/**
 * The providers of a child in which the first preference that can be served is in force: its provider's
 * config gets the preference's config, `default_model` and `priority: 0`. A preference whose provider is
 * not in the plan is passed over, one whose model is still a glob as well: no glob may reach the wire.
 */
export function applyPreferences(
  providers: readonly MountPlanEntry[], preferences: readonly ProviderPreference[], warn: (message: string) => void,
): MountPlanEntry[] {
  for (const preference of preferences) {
    if (/[*?[]/.test(preference.model)) {
      warn(`provider preference ${preference.provider}/${preference.model} is a pattern that nobody resolved; passed over`)
      continue
    }
    // A mounted key names an instance exactly; the module type behind it is the second best reading.
    const chosen = providers.find((entry) => entry.id === preference.provider)
      ?? providers.find((entry) => isMeant(entry, preference.provider))
      ?? providers.find((entry) => isMeant({ module: entry.module }, preference.provider))
    if (!chosen) continue
    const wanted = { ...preference.config, default_model: preference.model, priority: 0 }
    const config = mergeMappings(chosen.config ?? {}, markCandidate(attachOrigins(wanted, originsOf(preference.config))))
    return providers.map((entry) => (entry === chosen ? attachOrigins({ ...entry, config }, originsOf(entry)) : entry))
  }
  if (preferences.length > 0) warn(`none of the ${preferences.length} provider preferences has its provider in the plan; the child keeps the parent's`)
  return [...providers]
}

/** The agent's own fields that are parts of a mount plan; the rest of an agent (description, tools of its trade …) is the orchestrator's. */
const PLAN_LISTS = ['providers', 'tools', 'hooks'] as const

/**
 * The mount plan of a child: the parent's, with the agent's own session, providers, tools and hooks
 * merged over it with their origins, and the preferences applied; the child's mounts judge the outcome. Nothing in it is shared with the parent's plan where a
 * module could write to it.
 */
export function buildChildPlan(
  parent: MountPlan, agent: AgentPlan, preferences: readonly ProviderPreference[], warn: (message: string) => void,
): MountPlan {
  const plan: MountPlan = { ...parent }
  for (const list of PLAN_LISTS) {
    const own = agent[list]
    const entries = readModuleEntries(own)
    // Entries without a module, which the mount reports: an id alone adds to one of the parent's or to none.
    if (entries.length > 0) plan[list] = mergeModuleEntries(plan[list] ?? [], entries) as MountPlanEntry[]
  }
  if (isRecord(agent['session'])) plan.session = mergeMappings(plan.session ?? {}, agent['session'])
  if (parent.agents) plan.agents = Object.fromEntries(Object.entries(parent.agents).map(([name, value]) => [name, copyWithOrigins(value)]))
  plan.providers = applyPreferences(inheritUserEntry(plan.providers ?? []), preferences, warn)
  return plan
}
