import { ConfigurationError, LANE_NAMES, laneRow, wireTierOf, type JsonObject } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { describeExpected } from './coerce-value.js'
import type { ConfigValue } from './collect-values.js'
import { describeMismatch, namesFile, type ValueFinding } from '../documents/index.js'
import type { Environment } from './expand-variables.js'
import { OPTION_SCHEMAS } from './option-schema.js'
import { ADMISSIONS, CONCURRENCY_SCOPES, CONTINUATIONS, ROUTING_RULES, SERVED_MODEL_POLICIES, TOKEN_STORES, TRANSPORTS, type ProviderOptions } from './options.js'
import { describePlace, environmentOrigin, resolvePath } from './read-option.js'
import { readServiceUrl } from './read-url.js'

/** Fields the provider itself answers for. */
const OWN_REQUEST_FIELDS = ['store', 'stream', 'input', 'model']
/** The limits that 0, off and none turn off. */
const OFF_LIMITS: ReadonlySet<string> = new Set(['timeout', 'first_event_timeout', 'total_timeout'])
const EFFORT_VARIABLE = 'AMPLIFIER_CHATGPT_REASONING_EFFORT'

type Values = ReadonlyMap<string, ConfigValue>
export interface BuildContext {
  env: Environment
  home?: string
  cwd?: string
}

/** Fills in defaults, turns seconds into milliseconds, resolves paths; expects values that the schema has passed. */
export function buildOptions(values: Values, context: BuildContext): { options: ProviderOptions; warnings: ValueFinding[] } {
  const read = createReader(values, context)
  const warnings: ValueFinding[] = []
  const lane = read.word('lane', LANE_NAMES)
  const extraRequestParams = dropOwnFields(read.object('extra_request_params') ?? {}, values.get('extra_request_params'), warnings)
  const environmentEffort = readEnvironmentEffort(context.env, warnings)
  const apiKey = read.text('api_key')
  if (apiKey !== undefined && lane !== 'api_key') {
    warnings.push({ severity: 'warning', message: `api_key has no effect in lane ${lane}; set lane: api_key to use it`, ...placeOf(values.get('api_key')) })
  }
  const tokenStore = read.word('token_store', TOKEN_STORES)
  const redisUrl = read.text('redis_url')
  if (tokenStore === 'redis' && redisUrl === undefined) {
    throw new ConfigurationError('token_store redis needs redis_url, or the environment variable AMPLIFIER_CHATGPT_REDIS_URL', { code: 'invalid_option' })
  }
  const options: ProviderOptions = {
    ...readModelOptions(read), ...readCallOptions(read), ...readRoutingOptions(read),
    extraRequestParams, lane, tokenStore,
    redisAllowPlaintext: read.flag('redis_allow_plaintext'),
    baseUrl: read.url('base_url') ?? laneRow(lane).baseUrl,
    issuer: read.url('issuer') ?? read.needText('issuer'),
    loginOnMount: read.flag('login_on_mount'),
    ...optional('clientId', read.text('client_id')), ...optional('account', read.text('account')),
    ...optional('caFile', read.path('ca_file')), ...optional('tokenFilePath', read.path('token_file_path')),
    ...optional('hostFilePath', read.path('host_file_path')), ...optional('appName', read.text('app_name')),
    ...optional('environmentEffort', environmentEffort),
  }
  hide(options, 'apiKey', apiKey)
  hide(options, 'redisUrl', redisUrl)
  return { options, warnings }
}

function readModelOptions(read: Reader) {
  const tier = read.text('service_tier')
  const serviceTier = tier === undefined || tier === 'auto' || tier === 'default' ? undefined : wireTierOf(tier)
  return {
    defaultModel: read.needText('default_model'),
    reasoningSummary: read.needText('reasoning_summary'),
    ...optional('reasoningEffort', read.text('reasoning_effort')),
    ...optional('textVerbosity', read.text('text_verbosity')),
    ...optional('serviceTier', serviceTier),
    ...optional('toolOutputMaxChars', read.number('tool_output_max_chars')),
    modelsCacheTtlMs: read.needMs('models_cache_ttl'),
    modelsClientVersion: read.needText('models_client_version'),
    servedModelPolicy: read.word('served_model_policy', SERVED_MODEL_POLICIES),
    usageTotals: read.flag('usage_totals'),
    telemetryContent: read.flag('telemetry_content'),
  }
}

function readCallOptions(read: Reader) {
  return {
    useStreaming: read.flag('use_streaming'),
    raw: read.flag('raw'),
    ...optional('idleTimeoutMs', read.ms('timeout')),
    ...optional('totalTimeoutMs', read.ms('total_timeout')),
    connectTimeoutMs: read.needMs('connect_timeout'),
    ...optional('firstEventTimeoutMs', read.ms('first_event_timeout')),
    maxRetries: read.needNumber('max_retries'),
    maxContinuations: read.needNumber('max_continuations'),
    maxConcurrency: read.needNumber('max_concurrency'),
    concurrencyScope: read.word('concurrency_scope', CONCURRENCY_SCOPES),
    transport: read.word('transport', TRANSPORTS),
    warmUp: read.flag('warm_up'),
    continuation: read.word('continuation', CONTINUATIONS),
    ...optional('compactAt', read.number('compact_at')),
  }
}

function readRoutingOptions(read: Reader) {
  return {
    priority: read.needNumber('priority'),
    matrix: read.matrix(),
    ...optional('routingOverrides', read.object('routing_overrides')),
    customRoutingDirs: read.paths('custom_routing_dirs'),
    strictRouting: read.flag('strict_routing'),
    routingRules: read.word('routing_rules', ROUTING_RULES),
    admission: read.word('admission', ADMISSIONS),
  }
}

type Reader = ReturnType<typeof createReader>

/** Typed reads of validated values; the schema's default stands in. A mismatch here is a hole in the schema. */
function createReader(values: Values, context: BuildContext) {
  const get = (key: string): unknown => values.get(key)?.value ?? OPTION_SCHEMAS[key]?.default
  const fail = (key: string, expected = describeExpected(OPTION_SCHEMAS[key] ?? {})): never => {
    const found = values.get(key)
    const message = describeMismatch(key, expected, found?.raw, { secret: OPTION_SCHEMAS[key]?.writeOnly === true })
    throw new ConfigurationError(`${message} (${describePlace(found?.origin)})`, { code: 'invalid_option' })
  }
  const need = <T>(key: string, value: T | undefined): T => (value === undefined ? fail(key) : value)
  const text = (key: string): string | undefined => {
    const value = get(key)
    return value === undefined || typeof value === 'string' ? value : fail(key)
  }
  const number = (key: string): number | undefined => {
    const value = get(key)
    return value === undefined || (typeof value === 'number' && Number.isFinite(value)) ? value : fail(key)
  }
  const ms = (key: string): number | undefined => {
    const value = get(key)
    // Only a limit that may be off has 0, off or none in its schema.
    if (OFF_LIMITS.has(key) && (value === 0 || typeof value === 'string')) return undefined
    const seconds = number(key)
    return seconds === undefined ? undefined : Math.round(seconds * 1000)
  }
  const absolute = (key: string, path: string): string => resolvePath(path, values.get(key)?.origin, context)
  return {
    text, number, ms,
    needText: (key: string) => need(key, text(key)),
    needNumber: (key: string) => need(key, number(key)),
    needMs: (key: string) => need(key, ms(key)),
    flag: (key: string): boolean => {
      const value = get(key)
      return typeof value === 'boolean' ? value : fail(key)
    },
    word: <W extends string>(key: string, words: readonly W[]): W => words.find((word) => word === get(key)) ?? fail(key),
    object: (key: string): JsonObject | undefined => {
      const value = get(key)
      return value === undefined || isRecord(value) ? value : fail(key)
    },
    /** A name, or a path, which is meant from the file that says it. */
    matrix: (): string => {
      const word = need('matrix', text('matrix'))
      return namesFile(word) ? absolute('matrix', word) : word
    },
    path: (key: string): string | undefined => {
      const value = text(key)
      return value === undefined ? undefined : absolute(key, value)
    },
    paths: (key: string): string[] => {
      const value = get(key) ?? []
      if (!Array.isArray(value)) return fail(key)
      return value.map((item: unknown) => (typeof item === 'string' ? absolute(key, item) : fail(key)))
    },
    url: (key: string): string | undefined => {
      if (!values.has(key)) return undefined
      const answer = readServiceUrl(need(key, text(key)))
      return 'url' in answer ? answer.url : fail(key, answer.problem)
    },
  }
}

function dropOwnFields(params: JsonObject, found: ConfigValue | undefined, warnings: ValueFinding[]): JsonObject {
  const own = OWN_REQUEST_FIELDS.filter((key) => Object.hasOwn(params, key))
  if (own.length > 0) warnings.push({ severity: 'warning', message: `extra_request_params may not set ${own.join(', ')}; left out`, ...placeOf(found) })
  return Object.fromEntries(Object.entries(params).filter(([key]) => !own.includes(key)))
}

function placeOf(found: ConfigValue | undefined): Pick<ValueFinding, 'origin'> {
  return found?.origin ? { origin: found.origin } : {}
}

function readEnvironmentEffort(env: Environment, warnings: ValueFinding[]): string | undefined {
  const effort = env[EFFORT_VARIABLE]?.trim().toLowerCase()
  if (!effort) return undefined
  const known = OPTION_SCHEMAS['reasoning_effort']?.['x-choices'] ?? []
  if (known.includes(effort)) return effort
  warnings.push({ severity: 'warning', message: `the effort has no effect: it must be one of ${known.join(', ')}`, origin: environmentOrigin(EFFORT_VARIABLE) })
  return undefined
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V })
}

function hide(options: ProviderOptions, key: 'apiKey' | 'redisUrl', value: string | undefined): void {
  if (value !== undefined) Object.defineProperty(options, key, { value, enumerable: false })
}
