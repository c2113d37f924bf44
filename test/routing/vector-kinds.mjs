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
  const { code, message } = error
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

function createKinds(routing) {
  const {
    composeEffectiveMatrix, composeMatrix, createModelRoleResolver, deriveCallerContext, findHaikuProblems, findMount,
    findPresetProblems, isGlob, listConfigErrors, listMatrixErrors, matchesGlob, parsePreset, planCandidates, planEntries,
    rankModels, reassertRolePin, resolveMatrixSource, resolveModelRole, rungOf, stripInertConfig, viewMounts,
  } = routing
  const presetOf = (block) => (block == null ? undefined : parsePreset({ preset: block }))

  const resolve = async (vector) => {
    const calls = {}
    const trace = []
    const { roles, matrix, providers, provider_specs, provider_module_allowlist, preresolved_models } = vector
    const lists = preresolved_models && structuredClone(preresolved_models)
    const mounted = mountAll(providers, calls)
    const scope = provider_module_allowlist == null ? {} : { allowlist: provider_module_allowlist }
    const options = {
      coordinator: coordinatorOf(provider_specs), ...availabilityOf(vector),
      observe: ({ status, role, candidate, provider }) => trace.push({ status, role, place: matrix[role].candidates.indexOf(candidate), provider }),
    }
    const resolver = createModelRoleResolver({ matrix: { name: 't', roles: matrix, ...scope }, providers: () => mounted, preresolved: lists ?? {}, ...options })
    const answer = await attempt(() => (lists ? resolver.resolve(roles) : resolveModelRole(roles, matrix, mounted, { ...options, ...scope })))
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
        matrix: { name: 't', roles: vector.roles, preset: presetOf(vector.preset) },
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
    haiku: ({ backend, model, config, policy, expected }) => ({
      expected, actual: findHaikuProblems({ backend: backend ?? undefined, model, config, policy }).map(({ code, key }) => [code, key]),
    }),
  }
}

export const KINDS = new Set([
  'glob', 'order', 'compose', 'resolve', 'family', 'intent', 'availability', 'scope', 'preresolved', 'instance', 'preset', 'rung',
  'caller', 'plan', 'inherit', 'validate', 'validate_config', 'inert', 'effective', 'source', 'pin', 'haiku',
])

export function createRunner(routing) {
  const kinds = createKinds(routing)
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
