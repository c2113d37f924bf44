import { buildFallbackModels, toModelInfos } from '../account/index.js'
import { MOUNT_NAME } from '../config/module-entry.js'
import { isLLMError, type MountPlan } from '../contract/index.js'
import { findMatrixInForce } from '../mount-routing.js'
import { createModelRoleResolver, type ModelRoleResolver, type RoleCheck, type RolesCheck, type RouteExplanation } from '../routing/index.js'
import type { CommandContext } from './command-context.js'
import { openSession, requireResolver } from './open-session.js'
import { readConfig, type CommandConfig } from './read-config.js'
import { untilAborted } from './until-aborted.js'

/** The roles as they would be served, with or without a sign-in. */
export interface RouteView {
  readonly name: string
  /** false: candidates are held against the built-in list of models, and none is more than `unverified` */
  readonly signedIn: boolean
  check(): Promise<RolesCheck>
  explain(roles: readonly string[]): Promise<RouteExplanation>
}

/** Does the work with the account's own routes, or where nobody is signed in with those of the configuration alone. @throws LLMError */
export async function withRouteView(
  context: CommandContext, flags: Record<string, unknown>, work: (view: RouteView) => Promise<number>,
): Promise<number> {
  const config = await readConfig(context, flags)
  const session = await openSession(context, flags, config).catch((error: unknown) => {
    if (isLLMError(error) && error.code === 'not_signed_in') return undefined
    throw error
  })
  if (session === undefined) return work(viewUnverified(await createOfflineResolver(config)))
  try {
    const resolver = requireResolver(session)
    const { name, check, explain } = resolver
    return await untilAborted(context.signal, () => work({ name, signedIn: true, check, explain }))
  } finally {
    await session.close()
  }
}

/** The resolver of the matrix in force over the built-in list of models. Asks nobody. @throws ConfigurationError */
export async function createOfflineResolver({ plan, options, entry }: Pick<CommandConfig, 'plan' | 'options' | 'entry'>): Promise<ModelRoleResolver> {
  const { find, hook, overrides } = await findMatrixInForce(plan, options, entry.config ?? {})
  const { matrix, origin } = await find()
  const providers = { [MOUNT_NAME]: { listModels: listBuiltIn } }
  return createModelRoleResolver({
    matrix, origin, overrides, disableDelegationPreset: hook.disableDelegationPreset,
    coordinator: { config: plan satisfies MountPlan }, providers: () => providers,
  })
}

const listBuiltIn = () => toModelInfos({ models: buildFallbackModels(), source: 'fallback', lane: 'codex', ageSeconds: 0 })

function viewUnverified(resolver: ModelRoleResolver): RouteView {
  return {
    name: resolver.name,
    signedIn: false,
    explain: (roles) => resolver.explain(roles),
    async check() {
      const routes = await Promise.all(resolver.known_roles.map((role) => resolver.explain(role)))
      const roles = routes.map(({ role, resolved, candidates }): RoleCheck => ({
        role, status: resolved ? 'unverified' : 'unknown', ...(resolved ? { resolved } : {}), candidates, problems: [],
      }))
      return { ok: true, roles, problems: [] }
    },
  }
}
