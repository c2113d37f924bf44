/**
 * What configuration that comes with a project may not say. A bundle and the `.amplifier/settings*.yaml`
 * of a working directory are somebody else's text: they choose models and behaviour, never where
 * credentials or prompts go, which files are read, or who pays.
 */
import type { JsonObject } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { hasVariable, isPlain, MAX_DEPTH } from './expand-variables.js'
import { OPTION_VARIABLES } from './option-schema.js'
import { originOf, type Origin } from './origin.js'

/** Option to the reason why only the user, the environment and host code may set it. */
export const USER_ONLY_OPTIONS: Readonly<Record<string, string>> = {
  base_url: 'it decides where tokens and prompts are sent',
  issuer: 'it decides where refresh tokens are sent',
  client_id: 'it decides which application the user signs in to',
  token_file_path: 'it decides which file credentials are read from and written to',
  token_store: 'it decides where credentials are kept',
  redis_url: 'it decides which server credentials are kept on',
  redis_allow_plaintext: 'it lets credentials cross the network in the clear',
  ca_file: 'it reads a file and decides whose certificates are believed',
  api_key: 'it decides whose account sees and pays for the work',
  custom_routing_dirs: 'it reads files from folders of its choice',
}

/** Options that never leave the machine and select nothing: here a project may use `${VAR}`. */
const LOCAL_OPTIONS = new Set([
  'raw', 'login_on_mount', 'use_streaming', 'timeout', 'total_timeout', 'connect_timeout', 'first_event_timeout',
  'max_retries', 'max_continuations', 'max_concurrency', 'transport', 'warm_up', 'tool_output_max_chars',
  'models_cache_ttl', 'priority', 'strict_routing', 'served_model_policy',
])

export interface TrustProblem {
  /** dotted, from the config's own keys on */
  path: string
  message: string
  origin?: Origin
}

export interface TrustContext {
  /** judges every value as a project's, whatever its origin */
  all?: boolean
  /** of what holds the value, for values without an origin of their own */
  inherited?: Origin | undefined
}

/** Every value of a provider's config that its file may not set, judged by the origin of the value, or of what holds it. */
export function findTrustProblems(config: JsonObject, context: TrustContext = {}): TrustProblem[] {
  const refused = findRefusedOptions(config, context)
  const named = new Set(refused.map((problem) => problem.path))
  const variables = findVariables(config, '', { ...context, skip: (path) => LOCAL_OPTIONS.has(path) || named.has(path) })
  return [...refused, ...variables]
}

/** Every string below `value` that takes an environment variable from a file that may not. */
export function findVariables(
  value: unknown,
  path: string,
  context: TrustContext & { skip?: (path: string) => boolean; depth?: number } = {},
): TrustProblem[] {
  if (context.skip?.(path)) return []
  if (typeof value === 'string') {
    if (!hasVariable(value) || !isUntrusted(context)) return []
    return [buildProblem(path, `${path} may not take an environment variable in a project's files, since it may leave the machine`, context)]
  }
  const depth = (context.depth ?? 0) + 1
  if (!isPlain(value) || depth > MAX_DEPTH) return []
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) =>
    findVariables(item, path === '' ? key : `${path}.${key}`, { ...below(value, key, context), depth }),
  )
}

/** In a role table each candidate's config: a spawn merges it into the mount config. */
export function findOverrideProblems(overrides: unknown, path: string, context: TrustContext = {}): TrustProblem[] {
  const table = readObject(overrides)
  if (!table) return []
  return Object.entries(table).flatMap(([role, entry]) => {
    const inner = below(table, role, context)
    return isRecord(entry)
      ? findCandidateProblems(entry['candidates'], `${path}.${role}.candidates`, below(entry, 'candidates', inner))
      : findCandidateProblems(entry, `${path}.${role}`, inner)
  })
}

/** The `config` of each candidate or provider preference. */
export function findCandidateProblems(candidates: unknown, path: string, context: TrustContext = {}): TrustProblem[] {
  if (!Array.isArray(candidates)) return []
  return candidates.flatMap((candidate: unknown, index) => {
    if (!isRecord(candidate) || !isRecord(candidate['config'])) return []
    const inner = below(candidate, 'config', below(candidates, index, context))
    return findRefusedOptions(candidate['config'], inner).map((problem) => ({ ...problem, path: `${path}.${index}.config.${problem.path}` }))
  })
}

function findRefusedOptions(config: JsonObject, context: TrustContext): TrustProblem[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const inner = below(config, key, context)
    if (key === 'routing_overrides') return findOverrideProblems(value, key, inner)
    if (key === 'extra_request_params') return findHostedTools(value, inner)
    const message = isUntrusted(inner) ? judgeOption(key, value) : undefined
    return message === undefined ? [] : [buildProblem(key, message, inner)]
  })
}

function judgeOption(key: string, value: unknown): string | undefined {
  const reason = USER_ONLY_OPTIONS[key]
  if (reason !== undefined) return buildRefusal(key, reason, OPTION_VARIABLES[key])
  const text = typeof value === 'string' ? value.trim().toLowerCase() : ''
  if ((key === 'lane' || key === 'auth_mode') && text === 'api_key') {
    return buildRefusal(`${key} api_key`, 'it moves work to a key that is billed by use')
  }
  if ((key === 'matrix' || key === 'default_matrix') && /[\\/]/.test(text)) {
    return buildRefusal(`a path as ${key}`, 'it reads a file of its choice')
  }
  return undefined
}

function findHostedTools(value: unknown, context: TrustContext): TrustProblem[] {
  const params = readObject(value)
  if (!params || !Object.hasOwn(params, 'tools')) return []
  const inner = below(params, 'tools', context)
  if (!isUntrusted(inner)) return []
  const message = buildRefusal('extra_request_params.tools', 'a hosted tool, such as a remote server, would be sent the conversation')
  return [buildProblem('extra_request_params.tools', message, inner)]
}

function buildRefusal(what: string, reason: string, variable?: string): string {
  const environment = variable === undefined ? '' : `, in the environment variable ${variable}`
  return `${what} may not be set by a project's files, since ${reason}; set it in ~/.amplifier/settings.yaml${environment} or in host code`
}

function buildProblem(path: string, message: string, context: TrustContext): TrustProblem {
  return { path, message, ...(context.inherited ? { origin: context.inherited } : {}) }
}

function below<C extends TrustContext>(holder: unknown, key: string | number, context: C): C {
  return { ...context, inherited: originOf(holder, key) ?? context.inherited }
}

function isUntrusted(context: TrustContext): boolean {
  return context.all === true || context.inherited?.trusted === false
}

/** Options that are mappings may be given as JSON text. */
function readObject(value: unknown): JsonObject | undefined {
  const decoded = typeof value === 'string' ? parseJson(value) : value
  return isRecord(decoded) ? decoded : undefined
}
