import type { CallerContext, MountPlan, MountPlanEntry } from '../contract/index.js'
import { defined } from '../lib/index.js'
import type { CallRecord, CatalogRecord } from './call-record.js'
import type { EffectiveMatrix } from './effective-matrix.js'
import { createModelRoleResolver, type ModelRoleResolver } from './model-role-resolver.js'
import { bareName } from './provider-words.js'

export interface ReplayedMounts {
  matrix: EffectiveMatrix
  /** whose providers other than the recorded session's own a matrix may name */
  plan: MountPlan
  /** mounted key → ids, where the recording has no list of that provider */
  models?: Readonly<Record<string, readonly string[]>>
}

export interface ReplayResolvers {
  /** From here on the provider lists these models. */
  learn(record: CatalogRecord): void
  /** The resolver of the session that made this call, with what was used up for it. */
  resolverOf(record: CallRecord): ModelRoleResolver
}

/** One resolver for each session and what it runs on: escalations are counted a session, a preset looks at its caller. */
export function createReplayResolvers({ matrix, plan, models = {} }: ReplayedMounts): ReplayResolvers {
  const lists = new Map<string, readonly string[]>(Object.entries(models))
  const resolvers = new Map<string, ModelRoleResolver>()
  let exhausted: ReadonlySet<string> = new Set()
  const providers = () => new Map([...lists].map(([key, ids]) => [key, { listModels: () => ids }]))
  let mounted = providers()
  return {
    learn({ provider, models: ids }) {
      lists.set(provider, ids)
      mounted = providers()
    },
    resolverOf(record) {
      exhausted = new Set(record.exhausted)
      const key = JSON.stringify([record.session_id, record.caller])
      const known = resolvers.get(key)
      if (known !== undefined) return known
      const resolver = createModelRoleResolver({
        effective: matrix, verify: 'catalog', providers: () => mounted,
        coordinator: { config: { providers: planOf(record.caller, plan, [...lists.keys()]) } },
        exhaustedUntil: (_, model) => (exhausted.has(model) ? Number.MAX_SAFE_INTEGER : undefined),
      })
      resolvers.set(key, resolver)
      return resolver
    },
  }
}

/** The recorded session's own provider first, the way its mount plan had it; the others say nothing of their models. */
function planOf(caller: CallerContext | undefined, plan: MountPlan, mounted: readonly string[]): MountPlanEntry[] {
  const others = (plan.providers ?? []).map(({ module, id, instance_id }): MountPlanEntry => ({
    module, ...defined({ id, instance_id }),
  }))
  if (caller === undefined) return others
  const key = mounted.includes(caller.provider_key) ? caller.provider_key : bareName(caller.provider_key)
  const own: MountPlanEntry = {
    module: `provider-${caller.family}`, id: key,
    config: { priority: -1, default_model: caller.model, ...(caller.effort === null ? {} : { reasoning_effort: caller.effort }) },
  }
  return [own, ...others.filter(({ id, instance_id, module }) => (instance_id ?? id ?? module) !== key)]
}
