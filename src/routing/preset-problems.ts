import { isRecord } from '../lib/index.js'
import { clampsTier, EFFORT_KEY, INHERIT_MODES, parsePreset, takesEffort, type Preset } from './preset.js'
import { isFalsy, pythonRepr, pythonText, pythonType } from './python-text.js'
import { liesOnRung } from './tier-ladder.js'

type Fields = Readonly<Record<string, unknown>>

const ON_EXHAUSTED = ['fall_back', 'error']

/** Settings that a provider may be given for a whole session; another one would be frozen for nothing. */
const SESSION_KEYS = [
  'context_management', 'effort', 'model', 'parallel_tool_calls', 'reasoning_effort', 'reasoning_summary', 'text_format',
  'text_verbosity', 'thinking',
]

/**
 * What keeps a matrix file's `preset:` from being used, in the reference's words and order; a file without one has
 * nothing wrong. A preset is asked for, so a mount fails on any of these: a ceiling that does not hold is worse than none.
 */
export function findPresetProblems(matrix: Fields): string[] {
  const block = matrix['preset']
  if (block === undefined || block === null) return []
  const preset = parsePreset(matrix)
  if (preset === undefined) return [`preset: must be a mapping, got ${pythonType(block)}.`]
  const roles = isRecord(matrix['roles']) ? matrix['roles'] : {}
  const candidates = listCandidates(roles)
  return [
    ...findModeProblems(preset),
    ...findLadderProblems(preset),
    ...findDelegationProblems(preset, roles),
    ...findUnplaced(preset, roles),
    ...findEffortProblems(preset, candidates),
    ...findSessionProblems(preset.sessionScoped),
  ]
}

/**
 * Candidates that a clamping preset can place nowhere, a line each. In a file they are problems; overrides may add them, and
 * then every session that names its model goes without.
 */
export function findUnplaced(preset: Preset, roles: Fields): string[] {
  if (!clampsTier(preset)) return []
  // Roles name few models again and again, and holding one against every rung's globs is most of what a cold mount costs.
  const counted = new Map<string, number | undefined>()
  return listCandidates(roles).flatMap((candidate) => {
    const key = JSON.stringify([candidate.provider, candidate.model])
    if (!counted.has(key)) counted.set(key, countRungs(preset, candidate))
    return describeRungProblem(candidate, counted.get(key))
  })
}

interface PlacedCandidate {
  role: string
  place: number
  provider: string
  model: string
  config: unknown
}

function listCandidates(roles: Fields): PlacedCandidate[] {
  return Object.entries(roles).flatMap(([role, entry]) => {
    const list: unknown = isRecord(entry) ? entry['candidates'] : undefined
    return (Array.isArray(list) ? list : []).flatMap((candidate: unknown, place): PlacedCandidate[] =>
      isRecord(candidate)
        ? [{ role, place, provider: textOr(candidate['provider']), model: textOr(candidate['model']), config: candidate['config'] }]
        : [])
  })
}

function textOr(value: unknown): string {
  return value === undefined ? '' : pythonText(value)
}

function findModeProblems({ inherit, escalate: { onExhausted } }: Preset): string[] {
  const problems: string[] = []
  if (!INHERIT_MODES.some((mode) => mode === inherit)) {
    problems.push(`preset.delegation.inherit=${pythonRepr(inherit)} is not one of ${INHERIT_MODES.join(', ')}.`)
  }
  if (!ON_EXHAUSTED.includes(onExhausted)) {
    problems.push(`preset.delegation.escalate.on_exhausted=${pythonRepr(onExhausted)} is not one of ${ON_EXHAUSTED.join(', ')}.`)
  }
  return problems
}

function findLadderProblems(preset: Preset): string[] {
  const missing = clampsTier(preset) && preset.tierLadder.size === 0
    ? [`preset.tier_ladder is required when delegation.inherit=${pythonRepr(preset.inherit)} (clamping needs an explicit order).`]
    : []
  const empty = [...preset.tierLadder].flatMap(([family, ladder]) => [
    ...(ladder.length === 0 ? [`preset.tier_ladder.${family}: empty ladder.`] : []),
    ...ladder.flatMap((rung, at) => (rung.length === 0 ? [`preset.tier_ladder.${family}: rung ${at} is empty.`] : [])),
  ])
  return [...missing, ...empty]
}

function findDelegationProblems({ escalate, fanOutMax, delegateTimeoutS }: Preset, roles: Fields): string[] {
  const names = Object.keys(roles).sort()
  const unknown = escalate.allowRoles.filter((role) => !Object.hasOwn(roles, role)).map((role) =>
    `preset.delegation.escalate.allow_roles: ${pythonRepr(role)} is not a role in this matrix (have: ${names.join(', ')}).`)
  if (fanOutMax === undefined || delegateTimeoutS !== undefined) return unknown
  return [
    ...unknown,
    'preset.delegation.delegate_timeout_s must be set whenever fan_out_max is set (a cap without a timeout converts a straggler into a queue).',
  ]
}

/** On how many rungs a candidate lies; undefined where its provider has no ladder. */
function countRungs({ tierLadder }: Preset, { provider, model }: PlacedCandidate): number | undefined {
  return tierLadder.get(provider)?.filter((rung) => liesOnRung(model, rung)).length
}

/** A candidate off the ladder, or on two rungs, could not be kept below a caller. */
function describeRungProblem({ role, place, provider, model }: PlacedCandidate, rungs: number | undefined): string[] {
  if (rungs === 1) return []
  const name = `Role ${pythonRepr(role)} candidate ${place} (${provider}/${model})`
  return rungs === undefined
    ? [`${name}: provider ${pythonRepr(provider)} has no preset.tier_ladder entry, so this candidate is unclampable.`]
    : [`${name}: model glob matches ${rungs} rungs of the ${pythonRepr(provider)} ladder, expected exactly 1.`]
}

function findEffortProblems(preset: Preset, candidates: readonly PlacedCandidate[]): string[] {
  const keys = [...preset.effortKeys].filter(([, key]) => key !== EFFORT_KEY).map(([family, key]) =>
    `preset.effort_keys.${family}=${pythonRepr(key)}: this repository's canonical effort key is ${pythonRepr(EFFORT_KEY)} ` +
    '(enforced by tests/test_matrix_config_validation.py).')
  const wasted = candidates
    .filter(({ config, model }) => isRecord(config) && Object.hasOwn(config, EFFORT_KEY) && !takesEffort(preset, model))
    .map(({ role, place, model }) =>
      `Role ${pythonRepr(role)} candidate ${place} (${model}): ${EFFORT_KEY} declared on a model that accepts no effort ` +
      'parameter (preset.effort_unsupported).')
  return [...keys, ...wasted]
}

function findSessionProblems(sessionScoped: unknown): string[] {
  if (isFalsy(sessionScoped) || !isRecord(sessionScoped)) return []
  return Object.entries(sessionScoped).flatMap(([family, settings]) => {
    if (!isRecord(settings)) return [`preset.session_scoped.${family}: expected a mapping, got ${pythonType(settings)}.`]
    return Object.keys(settings).filter((key) => !SESSION_KEYS.includes(key)).map((key) =>
      `preset.session_scoped.${family}.${key}: not on the declared invalidator allow-list (${SESSION_KEYS.join(', ')}).`)
  })
}
