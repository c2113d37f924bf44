import { formatPath, type DocumentPath } from '../documents/index.js'
import { isRecord, suggestName } from '../lib/index.js'
import { checkCandidateConfig } from './check-config.js'
import { withoutPrefix } from './provider-words.js'
import { compileGlob, foldCase, isGlob } from './glob.js'
import { coversPattern, hasOneDigitVersion, listExtras } from './glob-shape.js'
import { KNOWN_ROLES } from '../contract/index.js'
import { findPresetShapeProblems, type MatrixProblem } from './matrix-problems.js'
import { findPresetProblems } from './preset-problems.js'

export interface LintOptions {
  /** provider word of the matrix (without `provider-`) → its `config_fields` */
  configFields?: Readonly<Record<string, readonly unknown[]>>
  /** provider word → the ids it lists; with them findings name real models */
  models?: Readonly<Record<string, readonly string[]>>
}

interface LintedCandidate {
  provider: string
  model: string
  config: unknown
  path: DocumentPath
  written: unknown
}

const MATRIX_KEYS = ['name', 'description', 'updated', 'roles', 'preset', 'provider_module_allowlist']
const ROLE_KEYS = ['description', 'candidates']
const CANDIDATE_KEYS = ['provider', 'model', 'config']

/** The rules beyond the schema. Whatever has the wrong type is passed over here: the schema has reported it. */
export function applyLintRules(data: unknown, options: LintOptions): MatrixProblem[] {
  const roles = isRecord(data) && isRecord(data['roles']) ? data['roles'] : {}
  const findings: MatrixProblem[] = [...checkKeys(data, MATRIX_KEYS, []), ...checkPreset(data)]
  const work = { left: MAX_COMPARED }
  for (const [name, role] of Object.entries(roles)) {
    const path = ['roles', name]
    findings.push(...checkRoleName(name, path), ...checkKeys(role, ROLE_KEYS, path))
    if (!isRecord(role) || !Array.isArray(role['candidates'])) continue
    if (typeof role['description'] !== 'string' || role['description'].trim() === '') {
      findings.push({
        severity: 'warning', rule: 'missing-description', path, message: `role ${name} has no description`,
        hint: 'agents choose a role by its description',
      })
    }
    const candidates = readCandidates(role['candidates'], path)
    if (role['candidates'].length === 0) {
      findings.push({
        severity: 'warning', rule: 'empty-role', path, message: `role ${name} has no candidates, so nothing serves it`,
        hint: 'list at least one, or take the role out',
      })
    }
    const checkReach = createReachCheck(work)
    for (const candidate of candidates) {
      findings.push(...checkKeys(candidate.written, CANDIDATE_KEYS, candidate.path))
      findings.push(...checkReach(candidate), ...checkCandidate(candidate, options))
    }
  }
  return findings
}

/** A preset that cannot hold fails the mount; what in it has the wrong type counts as not written. */
function checkPreset(data: unknown): MatrixProblem[] {
  if (!isRecord(data) || !('preset' in data)) return []
  const shape = findPresetShapeProblems(data).map((problem): MatrixProblem => ({
    ...problem, severity: 'warning', rule: 'preset-shape', hint: 'as it is it counts as not written',
  }))
  return [...shape, ...listPresetProblems(data).map((message): MatrixProblem => ({
    severity: 'error', rule: 'preset', path: placeOf(message), message,
  }))]
}

function listPresetProblems(data: Readonly<Record<string, unknown>>): string[] {
  try {
    return findPresetProblems(data)
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

/** Where the problem that a sentence tells of stands: it names the role and the candidate, or the key. */
function placeOf(message: string): DocumentPath {
  const [, role, place] = /^Role '([^']+)' candidate (\d+) /.exec(message) ?? []
  if (role !== undefined) return ['roles', role, 'candidates', Number(place)]
  return (/^preset[\w.-]*/.exec(message)?.[0] ?? 'preset').replace(/\.$/, '').split('.')
}

function readCandidates(list: readonly unknown[], path: DocumentPath): LintedCandidate[] {
  return list.flatMap((candidate, place): LintedCandidate[] => {
    if (!isRecord(candidate)) return []
    const { provider, model, config } = candidate
    if (typeof provider !== 'string' || typeof model !== 'string') return []
    return [{ provider, model, config, path: [...path, 'candidates', place], written: candidate }]
  })
}

/** Further keys are kept and harmless; one that looks like a slip of a known key is not. */
function checkKeys(value: unknown, known: readonly string[], path: DocumentPath): MatrixProblem[] {
  if (!isRecord(value)) return []
  const findings: MatrixProblem[] = []
  for (const key of Object.keys(value)) {
    const meant = known.includes(key) ? undefined : suggestName(key, known)
    if (meant === undefined || Object.hasOwn(value, meant)) continue
    const message = `${formatPath([...path, key])} means nothing here`
    findings.push({ severity: 'warning', rule: 'unknown-key', path: [...path, key], message, hint: `did you mean ${meant}?` })
  }
  return findings
}

function checkRoleName(name: string, path: DocumentPath): MatrixProblem[] {
  if ((KNOWN_ROLES as readonly string[]).includes(name)) return []
  const meant = suggestName(name, KNOWN_ROLES)
  return [{
    severity: 'warning', rule: 'unknown-role', path,
    message: `${name} is none of the ${KNOWN_ROLES.length} roles`,
    hint: meant === undefined ? 'keep it if agents of yours ask for it' : `did you mean ${meant}?`,
  }]
}

function checkCandidate(candidate: LintedCandidate, options: LintOptions): MatrixProblem[] {
  return [
    ...checkVersion(candidate),
    ...checkBreadth(candidate, options.models?.[candidate.provider]),
    ...checkSuffix(candidate),
    ...checkSettings(candidate, options.configFields?.[withoutPrefix(candidate.provider)]),
  ]
}

/**
 * Comparing two patterns costs some 10 ns by the product of their lengths: 24 candidates of 40 characters in each of 13 roles
 * take 6 million. Past that, a matrix of patterns that cover each other cost 0.6 s. What a matrix has beyond that is not compared.
 */
const MAX_COMPARED = 6_000_000

/** Asked of a role's candidates in order: at most one finding each, on the first before it that takes all it could take. */
function createReachCheck(work: { left: number }): (candidate: LintedCandidate) => MatrixProblem[] {
  const known = new Map<string, LintedCandidate>()
  const patterns: LintedCandidate[] = []
  return (candidate) => {
    const { model, path, provider } = candidate
    const key = JSON.stringify([provider, foldCase(model)])
    const same = known.get(key)
    if (same !== undefined) {
      return [{
        severity: 'warning', rule: 'duplicate-candidate', path,
        message: `${provider} ${model} stands in this role already (${formatPath(same.path)})`,
        hint: 'take one of the two out',
      }]
    }
    const wide = patterns.find((rival) => {
      if (rival.provider !== provider || (work.left -= rival.model.length * model.length) < 0) return false
      return coversPattern(rival.model, model)
    })
    known.set(key, candidate)
    if (isGlob(model)) patterns.push(candidate)
    if (wide === undefined) return []
    return [{
      severity: 'warning', rule: 'unreachable-candidate', path,
      message: `${model} is not reached: ${wide.model} before it takes every name that it takes`,
      hint: isGlob(model)
        ? 'put the narrower pattern first'
        : 'put the name first; after the pattern it serves only while the list cannot be had or the pattern’s pick is exhausted',
    }]
  }
}

function checkVersion({ model, path }: LintedCandidate): MatrixProblem[] {
  if (!hasOneDigitVersion(model)) return []
  return [{
    severity: 'warning', rule: 'one-digit-version', path,
    message: `${model} cannot match a two-digit version such as 5.10`,
    hint: `write ${model.replaceAll(/\?|\[0-9\](?!\*)/g, '[0-9]*')}`,
  }]
}

function checkBreadth({ model, path }: LintedCandidate, ids: readonly string[] | undefined): MatrixProblem[] {
  const extras = listExtras(model)
  if (extras.length === 0) return []
  const glob = compileGlob(model)
  const taken = (ids ?? []).filter((id) => glob.matches(foldCase(id)) && /-mini|-fast|-\d{8}$|-\d{4}-\d{2}-\d{2}$/i.test(id))
  return [{
    severity: 'warning', rule: 'broad-glob', path,
    message: `${model} also takes ${extras.join(', ')} names${taken.length === 0 ? '' : `, here ${taken.slice(0, 3).join(', ')}`}`,
    hint: 'end the pattern in the family you mean, or name the model',
  }]
}

const EFFORT_SUFFIX = /:(none|minimal|low|medium|high|xhigh|max)$/i

function checkSuffix({ model, path }: LintedCandidate): MatrixProblem[] {
  const effort = isGlob(model) ? undefined : EFFORT_SUFFIX.exec(model)?.[1]
  if (effort === undefined) return []
  return [{
    severity: 'warning', rule: 'effort-in-name', path, message: `${model} is no name of a catalog: the effort stands in it`,
    hint: `write ${model.replace(EFFORT_SUFFIX, '')} with config: { reasoning_effort: ${effort.toLowerCase()} }`,
  }]
}

function checkSettings({ config, path }: LintedCandidate, fields: readonly unknown[] | undefined): MatrixProblem[] {
  return checkCandidateConfig(config, fields).map(({ key, choices, ...finding }) => ({
    ...finding, path: [...path, 'config', key], hint: `one of ${choices.join(', ')}`,
  }))
}
