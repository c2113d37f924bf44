/** How each kind of routing vector is put to our public functions, and our answers in the vectors' own fields. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Error codes of ours → the vectors' kinds. */
const ERROR_KINDS = { no_scoped_route: 'no_scoped_route', availability_contract: 'contract' }

class Unavailable extends Error {}
class CatalogFailed extends Error {}

/** JSON has neither undefined nor class instances. */
const plain = (value) => (value === undefined ? null : JSON.parse(JSON.stringify(value)))

function describeError(error) {
  // The reference has no codes: what ours end with is left out.
  const { code } = error
  const message = error.words ?? error.message
  if (error instanceof Unavailable) return { error: { kind: 'availability', message } }
  if (error instanceof CatalogFailed) return { error: { kind: 'catalog', message } }
  if (typeof code === 'string' && code.startsWith('haiku_')) return { error: { kind: 'haiku', code, model: error.model, key: error.key } }
  return { error: { kind: ERROR_KINDS[code] ?? 'value', message } }
}

const withConfig = (answers) => (Array.isArray(answers) ? answers.map((answer) => ({ ...answer, config: answer.config ?? {} })) : answers)

function mountAll(providers, calls = {}) {
  return Object.fromEntries(Object.entries(providers).map(([name, { models, fail, bare, config_fields }]) => [name, {
    async listModels() {
      calls[name] = (calls[name] ?? 0) + 1
      if (fail) throw new CatalogFailed(`catalog of ${name}`)
      return bare ? [...models] : models.map((id) => ({ id }))
    },
    getInfo: () => ({ config_fields: config_fields ?? [] }),
  }]))
}

const coordinatorOf = (specs) => (specs == null ? undefined : { config: { providers: specs } })

function availabilityOf({ unavailable }) {
  if (unavailable == null) return {}
  return { checkAvailable: (name) => { if (unavailable.includes(name)) throw new Unavailable(`account unavailable: ${name}`) } }
}

async function attempt(work) {
  try {
    return await work()
  } catch (error) {
    return describeError(error)
  }
}

const presetFields = ({ clampsTier, isActive }, preset, block) => preset === undefined ? null : plain({
  inherit: preset.inherit,
  tier_ladder: Object.fromEntries(preset.tierLadder),
  escalate_allow_roles: preset.escalate.allowRoles,
  escalate_max_uses: preset.escalate.maxUses,
  escalate_on_exhausted: preset.escalate.onExhausted,
  report_unhonored: preset.reportUnhonored,
  effort_keys: Object.fromEntries(preset.effortKeys),
  active: isActive(preset), clamps_tier: clampsTier(preset),
  ...(block && 'effort_unsupported' in block ? { effort_unsupported: preset.effortUnsupported } : {}),
})

/** The events that a routing hook announces. */
const ROUTING_EVENTS = ['routing:matrix-loaded', 'routing:intent-clamped', 'routing:role-pin-reasserted']

/** A host that keeps what the hook registers, what its handlers throw and what it emits. */
async function openHost({ createHost }, { provider_specs, providers, agents, provider_preferences, capabilities, ...rest }) {
  const plan = { providers: provider_specs ?? [], agents, ...(provider_preferences == null ? {} : { provider_preferences }) }
  const { coordinator } = createHost({ config: plan, warn: () => undefined })
  const seen = { hooks: [], emitted: [], failure: undefined }
  for (const [name, provider] of Object.entries(mountAll(providers))) {
    // The vectors say nothing of the mounted objects; by the priorities in their answers each shows this config.
    await coordinator.mount('providers', { ...provider, config: { priority: 1 } }, { name })
  }
  for (const [name, value] of Object.entries(structuredClone(capabilities))) coordinator.registerCapability(name, value)
  const { checkAvailable } = availabilityOf(rest)
  if (checkAvailable) coordinator.registerCapability('provider.check_available', checkAvailable)
  for (const event of ROUTING_EVENTS) {
    coordinator.hooks.register(event, (_, { session_id, parent_id, timestamp, ...data }) => void seen.emitted.push([event, data]))
  }
  const { register } = coordinator.hooks
  coordinator.hooks.register = (event, handler, options) => {
    seen.hooks.push([event, options.priority, options.name])
    const watched = async (...args) => {
      try {
        return await handler(...args)
      } catch (error) {
        seen.failure ??= error
        throw error
      }
    }
    return register(event, watched, options)
  }
  return { coordinator, plan, seen }
}

const describeBanner = ({ action, context_injection, context_injection_role, ephemeral }) =>
  action === 'inject_context' ? { action, context_injection, role: context_injection_role, ephemeral } : null

/** The events as the vectors sort them: in no order of their own. */
const sorted = (events) => [...events].sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1))

function createSessionKind({ mountRoutingHook }, host) {
  return async (vector) => {
    const root = mkdtempSync(join(tmpdir(), 'routing-session-'))
    const { matrix, matrix_at, hook_config, events } = vector
    const expected = vector.expected.emitted ? { ...vector.expected, emitted: sorted(vector.expected.emitted) } : vector.expected
    const answer = (actual) => ({ expected, actual: JSON.parse(JSON.stringify(actual).replaceAll(root, '<root>')) })
    try {
      for (const [directory, places] of [['routing', ['routing', 'both']], ['mine', ['mine', 'both']]]) {
        mkdirSync(join(root, directory))
        if (places.includes(matrix_at)) writeFileSync(join(root, directory, 'm.yaml'), JSON.stringify(matrix))
      }
      const { coordinator, plan, seen } = await openHost(host, vector)
      const mounted = await attempt(() => mountRoutingHook(coordinator, { ...hook_config, custom_routing_dirs: [join(root, 'mine')] }, { shippedDirectory: join(root, 'routing') }))
      if (mounted.error) return answer({ mount_error: mounted.error })
      const banner = describeBanner(await coordinator.hooks.emit('provider:request', {}))
      for (const [event, data] of events) await coordinator.hooks.emit(event, data)
      const resolver = coordinator.getCapability('model_role_resolver')
      const failed = seen.failure && describeError(seen.failure).error
      return answer({
        hooks: seen.hooks,
        resolver: resolver ? (({ name, known_roles, matrix_path, matrix_source, shadowed_paths }) => ({ name, known_roles, matrix_path, matrix_source, shadowed_paths }))(resolver) : null,
        banner,
        ...(failed ? { event_error: failed } : {}),
        agents: failed ? null : plan.agents,
        emitted: failed ? null : sorted(seen.emitted),
        session_routing: failed ? null : (coordinator.getCapability('session.routing') ?? null),
        observability_events: coordinator.getCapability('observability.events'),
      })
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  }
}

function createKinds(routing, host) {
  const {
    composeEffectiveMatrix, composeMatrix, createModelRoleResolver, deriveCallerContext, findHaikuProblems, findMount,
    findPresetProblems, isGlob, listConfigErrors, listMatrixErrors, matchesGlob, parsePreset, planCandidates, planEntries,
    rankModels, reassertRolePin, resolveMatrixSource, rungOf, stripInertConfig, viewMounts,
  } = routing
  const presetOf = (block) => (block == null ? undefined : parsePreset({ preset: block }))

  const resolve = async (vector) => {
    const calls = {}
    const trace = []
    const { roles, matrix, providers, provider_specs, provider_module_allowlist, preresolved_models } = vector
    const lists = preresolved_models && structuredClone(preresolved_models)
    const mounted = mountAll(providers, calls)
    const scope = provider_module_allowlist == null ? {} : { allowlist: provider_module_allowlist }
    const resolver = createModelRoleResolver({
      effective: { name: 't', roles: matrix, ...scope }, providers: () => mounted, coordinator: coordinatorOf(provider_specs), ...availabilityOf(vector),
      // Lists that were handed in are a session's; without them the reference's bare function asks for every pattern.
      ...(lists ? { preresolved: lists } : { lists: 'pattern' }),
      observe: ({ status, role, candidate, provider }) => trace.push({ status, role, place: matrix[role].candidates.indexOf(candidate), provider }),
    })
    const answer = await attempt(() => resolver.resolve(roles))
    return {
      expected: { answer: withConfig(vector.expected), trace: vector.trace, list_calls: vector.list_calls, ...(lists ? { lists: vector.preresolved_after } : {}) },
      actual: plain({ answer: withConfig(answer), trace, list_calls: calls, ...(lists ? { lists: resolver.knownLists() } : {}) }),
    }
  }
  return {
    glob: ({ pattern, models, is_glob, matches }) => ({
      expected: { is_glob, matches }, actual: { is_glob: isGlob(pattern), matches: models.filter((model) => matchesGlob(pattern, model)) },
    }),
    order: ({ models, ranked }) => ({ expected: ranked, actual: rankModels(models) }),
    compose: async ({ base, overrides, expected }) => {
      const answer = await attempt(() => ({ ok: composeMatrix(base, overrides) }))
      return { expected, actual: plain(answer.error ? { error: true } : answer) }
    },
    resolve, family: resolve, intent: resolve, availability: resolve, scope: resolve, preresolved: resolve,
    instance: async ({ provider, model, mounted, provider_specs, provider_module_allowlist, expected }) => ({
      expected,
      actual: plain(await attempt(() => findMount(provider, model, viewMounts(
        Object.fromEntries(mounted.map((key) => [key, {}])), coordinatorOf(provider_specs), provider_module_allowlist ?? undefined)))),
    }),
    preset: async ({ matrix, preset, errors }) => ({
      expected: { preset, errors },
      actual: { preset: presetFields(routing, parsePreset(matrix), matrix.preset), errors: findPresetProblems(matrix) },
    }),
    rung: ({ model, ladder, expected }) => ({ expected, actual: rungOf(model, ladder) ?? null }),
    caller: ({ provider_specs, preset, expected }) => ({
      expected, actual: plain(deriveCallerContext(planEntries(coordinatorOf(provider_specs)), presetOf(preset))),
    }),
    plan: ({ role, candidates, caller, preset, escalations, expected }) => {
      const budget = escalations && { maxUses: escalations.max_uses, used: escalations.used }
      const { candidates: planned, record } = planCandidates({
        role, candidates, caller: caller ?? undefined, preset: presetOf(preset), ...(budget ? { escalations: budget } : {}),
      })
      const used = budget ? budget.used + (record?.escalated ? 1 : 0) : null
      return { expected, actual: plain({ candidates: planned, record: record ?? null, escalations_used: used }) }
    },
    inherit: async (vector) => {
      const records = []
      const mounted = mountAll(vector.providers)
      const resolver = createModelRoleResolver({
        effective: { name: 't', roles: vector.roles, preset: presetOf(vector.preset) },
        providers: () => mounted, coordinator: coordinatorOf(vector.provider_specs), ...availabilityOf(vector),
        onClamp: (record) => void records.push(record),
      })
      const actual = []
      for (const call of vector.calls) {
        const answer = await attempt(() => resolver.resolve(call))
        actual.push({ answer: withConfig(answer), records: records.splice(0) })
      }
      return { expected: vector.expected.map(({ answer, records: own }) => ({ answer: withConfig(answer), records: own })), actual: plain(actual) }
    },
    validate: ({ matrix, errors }) => ({ expected: errors, actual: listMatrixErrors(matrix) }),
    validate_config: ({ roles, providers, provider_specs, errors, targets }) => {
      const mounted = mountAll(providers)
      const view = viewMounts(mounted, coordinatorOf(provider_specs), undefined)
      return {
        expected: { errors, targets },
        actual: plain({
          errors: listConfigErrors(roles, mounted, view),
          targets: Object.fromEntries(Object.entries(roles).map(([role, { candidates = [] }]) =>
            [role, candidates.map(({ provider, model }) => findMount(provider, model, view) ?? null)])),
        }),
      }
    },
    inert: ({ roles, cleaned, removed }) => {
      const stripped = stripInertConfig(roles)
      return { expected: { cleaned, removed }, actual: plain({ cleaned: stripped.roles, removed: stripped.removed.length }) }
    },
    effective: async ({ base, config_overrides, capability_overrides, disable_delegation_preset, expected }) => {
      const answer = await attempt(() => {
        const matrix = composeEffectiveMatrix(base, {
          overrides: [{ roles: config_overrides ?? {} }, { roles: capability_overrides ?? {} }],
          disableDelegationPreset: disable_delegation_preset,
        })
        return {
          roles: matrix.roles,
          preset: presetFields(routing, matrix.preset, base.preset), stripped: matrix.removed.length,
        }
      })
      return { expected, actual: plain(answer.error ? { error: answer.error.message } : answer) }
    },
    source: async ({ name, custom_routing_dirs, files, expected }) => {
      const root = mkdtempSync(join(tmpdir(), 'routing-source-'))
      try {
        for (const [directory, stems] of Object.entries(files)) {
          mkdirSync(join(root, directory), { recursive: true })
          for (const stem of stems) writeFileSync(join(root, directory, `${stem}.yaml`), '{}')
        }
        const short = (path) => path.slice(root.length + 1)
        const actual = await attempt(async () => {
          const found = await resolveMatrixSource(name, custom_routing_dirs.map((directory) => join(root, directory)), join(root, 'bundle'))
          return {
            path: found.path === undefined ? null : short(found.path), source: found.source ?? null,
            shadowed: found.shadowed.map(([path, source]) => [short(path), source]), searched: found.searched.map(short),
          }
        })
        return { expected, actual: plain(actual.error ? { error: actual.error.message } : actual) }
      } finally {
        rmSync(root, { recursive: true, force: true })
      }
    },
    pin: async ({ provider_preferences, provider_specs, live, provider_module_allowlist, expected }) => {
      const providers = structuredClone(live)
      const record = await attempt(() => reassertRolePin({
        coordinator: { config: { providers: provider_specs, provider_preferences } }, providers,
        ...(provider_module_allowlist == null ? {} : { allowlist: provider_module_allowlist }),
      }))
      return { expected, actual: plain({ record: record ?? null, live_after: providers }) }
    },
    session: createSessionKind(routing, host),
    haiku: ({ backend, model, config, policy, expected }) => ({
      expected, actual: findHaikuProblems({ backend: backend ?? undefined, model, config, policy }).map(({ code, key }) => [code, key]),
    }),
  }
}

export const KINDS = new Set([
  'glob', 'order', 'compose', 'resolve', 'family', 'intent', 'availability', 'scope', 'preresolved', 'instance', 'preset', 'rung',
  'caller', 'plan', 'inherit', 'validate', 'validate_config', 'inert', 'effective', 'source', 'pin', 'session', 'haiku',
])

/** @param host what makes the host that the `session` kind runs on */
export function createRunner(routing, host) {
  const kinds = createKinds(routing, host)
  return {
    async run(kind, vector) {
      const put = kinds[kind]
      if (put === undefined) return { expected: vector.expected, actual: undefined }
      try {
        return await put(vector)
      } catch (error) {
        return { expected: vector.expected, actual: { threw: String(error?.stack ?? error) } }
      }
    },
  }
}
