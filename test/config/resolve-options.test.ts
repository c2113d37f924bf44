import { inspect } from 'node:util'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  attachOrigins, configSchema, listOptionNames, resolveOptions, type Origin,
} from '../../src/config/index.js'
import { SERVED_MODEL_POLICIES, TOKEN_STORES, TRANSPORTS } from '../../src/config/options.js'
import { OPTION_SCHEMAS } from '../../src/config/option-schema.js'
import { ConfigurationError, LANE_WORDS } from '../../src/contract/index.js'

const env = {}

function refusal(config: unknown, extra: Record<string, string> = {}): string {
  try {
    resolveOptions(config, { env: extra })
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return (error as ConfigurationError).words
  }
  throw new Error('expected a refusal')
}

describe('defaults', () => {
  test('an empty config gives the documented defaults', () => {
    expect(resolveOptions({}, { env })).toEqual({
      warnings: [],
      options: {
        defaultModel: 'latest', reasoningSummary: 'auto', extraRequestParams: {}, useStreaming: true, raw: false,
        idleTimeoutMs: 300_000, connectTimeoutMs: 15_000, firstEventTimeoutMs: 300_000, maxRetries: 4, maxContinuations: 3,
        maxConcurrency: 6, concurrencyScope: 'account', transport: 'auto', warmUp: false, continuation: 'exact', baseUrl: 'https://chatgpt.com/backend-api/codex',
        issuer: 'https://auth.openai.com', lane: 'codex', loginOnMount: true, tokenStore: 'file', redisAllowPlaintext: false, modelsCacheTtlMs: 3_600_000,
        modelsClientVersion: '99.99.99', priority: 100, matrix: 'openai-chatgpt', customRoutingDirs: [], strictRouting: false, routingRules: 'checked', admission: 'off', usageTotals: false, telemetryContent: false,
        servedModelPolicy: 'accept',
      },
    })
  })

  test('no config at all is an empty config', () => {
    expect(resolveOptions(undefined, { env })).toEqual(resolveOptions({}, { env }))
    expect(resolveOptions(null, { env })).toEqual(resolveOptions({}, { env }))
  })

  test('each lane has its own base URL', () => {
    expect(resolveOptions({ lane: 'plan' }, { env }).options.baseUrl).toBe('https://api.openai.com/v1')
    expect(resolveOptions({ lane: 'api_key' }, { env }).options.baseUrl).toBe('https://api.openai.com/v1')
  })

  test('every option of the schema has title, description and an example, and types agree with its choices', () => {
    for (const name of listOptionNames()) {
      const schema = OPTION_SCHEMAS[name] as Record<string, unknown>
      expect(schema, name).toMatchObject({ title: expect.any(String), description: expect.any(String), examples: expect.any(Array) })
    }
    expect(OPTION_SCHEMAS['lane']?.['x-choices']).toEqual(expect.arrayContaining(Object.keys(LANE_WORDS)))
    expect(OPTION_SCHEMAS['transport']?.['x-choices']).toEqual([...TRANSPORTS])
    expect(OPTION_SCHEMAS['token_store']?.['x-choices']).toEqual([...TOKEN_STORES])
    expect(OPTION_SCHEMAS['served_model_policy']?.['x-choices']).toEqual([...SERVED_MODEL_POLICIES])
    expect(configSchema).toMatchObject({ type: 'object', $schema: 'https://json-schema.org/draft/2020-12/schema' })
  })

  test('every example in the schema is a value that the option takes', () => {
    for (const name of listOptionNames()) {
      for (const example of (OPTION_SCHEMAS[name] as { examples: unknown[] }).examples) {
        const needed = name === 'token_store' || name === 'redis_url' ? { redis_url: 'redis://127.0.0.1' } : {}
        expect(() => resolveOptions({ ...needed, [name]: example }, { env: { OPENAI_API_KEY: 'k' } }), name).not.toThrow()
      }
    }
  })
})

describe('texts that stand for other types', () => {
  test.each([['true', true], ['YES', true], ['on', true], ['1', true], ['false', false], ['No', false], [' off ', false], ['0', false]])(
    'the text %j is the boolean %j',
    (text, value) => expect(resolveOptions({ raw: text }, { env }).options.raw).toBe(value),
  )

  test.each([['300', 300_000], ['0.5', 500], [' 1e1 ', 10_000], ['.25', 250], [2.5, 2500]])('a timeout of %j is %d ms', (given, ms) => {
    expect(resolveOptions({ timeout: given }, { env }).options.idleTimeoutMs).toBe(ms)
  })

  test('a number as text may be negative where the option is', () => {
    expect(resolveOptions({ priority: '-5' }, { env }).options.priority).toBe(-5)
  })

  test.each(['0', 0, 'off', 'None', '', null])('a total timeout of %j means no limit', (given) => {
    expect(resolveOptions({ total_timeout: given }, { env }).options.totalTimeoutMs).toBeUndefined()
  })

  test.each(['timeout', 'first_event_timeout'])('%s: null, 0 and off mean no limit', (key) => {
    const name = key === 'timeout' ? 'idleTimeoutMs' : 'firstEventTimeoutMs'
    for (const given of [null, 0, '0', 'off', 'None']) expect(resolveOptions({ [key]: given }, { env }).options[name], String(given)).toBeUndefined()
    expect(resolveOptions({ [key]: ' ' }, { env }).options[name]).toBe(300_000)
  })

  test('a mapping and a list may be JSON text, a list also one folder', () => {
    const { options } = resolveOptions(
      { extra_request_params: '{"parallel_tool_calls": false}', custom_routing_dirs: '["/a", "/b"]' }, { env },
    )
    expect(options.extraRequestParams).toEqual({ parallel_tool_calls: false })
    expect(options.customRoutingDirs).toEqual([resolve('/a'), resolve('/b')])
    expect(resolveOptions({ custom_routing_dirs: '/a' }, { env }).options.customRoutingDirs).toEqual([resolve('/a')])
  })

  test('choices are read without regard to case, empty text and null are not set', () => {
    expect(resolveOptions({ reasoning_effort: ' High ' }, { env }).options.reasoningEffort).toBe('high')
    expect(resolveOptions({ reasoning_effort: '', default_model: null, timeout: ' ' }, { env }).options).toEqual(resolveOptions({}, { env }).options)
  })

  test('priority and fast name the same tier, auto and default none', () => {
    const tier = (service_tier: string) => resolveOptions({ service_tier }, { env }).options.serviceTier
    expect([tier('fast'), tier('priority'), tier('flex'), tier('auto'), tier('default')]).toEqual(['priority', 'priority', 'flex', undefined, undefined])
  })
})

describe('variables', () => {
  test('${VAR} and ${VAR:default} are the environment\'s, unset is empty and so not set', () => {
    const { options } = resolveOptions(
      { default_model: '${MODEL}', timeout: '${T:12}', reasoning_effort: '${UNSET}', account: 'a-${WHO:b}' }, { env: { MODEL: 'gpt-5.4' } },
    )
    expect(options).toMatchObject({ defaultModel: 'gpt-5.4', idleTimeoutMs: 12_000, account: 'a-b' })
    expect(options.reasoningEffort).toBeUndefined()
  })

  test('what a variable holds is not expanded again', () => {
    expect(resolveOptions({ default_model: '${A}' }, { env: { A: '${B}', B: 'no' } }).options.defaultModel).toBe('${B}')
  })

  test('variables are expanded inside mappings', () => {
    expect(resolveOptions({ extra_request_params: { user: '${WHO}' } }, { env: { WHO: 'me' } }).options.extraRequestParams).toEqual({ user: 'me' })
  })

  test('the value of a variable never shows in a refusal', () => {
    const message = refusal({ timeout: '${SECRET}', transport: '${SECRET}' }, { SECRET: 'sk-canary-123456' })
    expect(message).not.toContain('canary')
    expect(message).toContain('${SECRET}')
  })
})

describe('wrong values', () => {
  test.each([
    [{ timeout: 'soon' }, 'timeout must be a number of seconds from 0 up to 2147483, off or null, found the text "soon" (in the mount config)'],
    [{ connect_timeout: 0 }, 'connect_timeout must be a number of seconds above 0 up to 2147483, found the number 0 (in the mount config)'],
    [{ timeout: -1 }, 'timeout must be a number of seconds from 0 up to 2147483, off or null, found the number -1 (in the mount config)'],
    [{ timeout: NaN }, 'timeout must be a number of seconds from 0 up to 2147483, off or null, found the number NaN (in the mount config)'],
    [{ timeout: '300s' }, 'timeout must be a number of seconds from 0 up to 2147483, off or null, found the text "300s" (in the mount config)'],
    [{ raw: 'maybe' }, 'raw must be true or false, found the text "maybe" (in the mount config)'],
    [{ raw: 1 }, 'raw must be true or false, found the number 1 (in the mount config)'],
    [{ raw: [] }, 'raw must be true or false, found a list of 0 items (in the mount config)'],
    [{ max_retries: 1.5 }, 'max_retries must be a whole number from 0 up to 100, found the number 1.5 (in the mount config)'],
    [{ max_concurrency: 0 }, 'max_concurrency must be a whole number from 1, found the number 0 (in the mount config)'],
    [{ transport: 'http3' }, 'transport must be one of auto, sse, websocket, found the text "http3" (in the mount config)'],
    [{ default_model: 5.5 }, 'default_model must be a text, found the number 5.5 (in the mount config)'],
    [{ default_model: {} }, 'default_model must be a text, found a mapping (in the mount config)'],
    [{ extra_request_params: [1] }, 'extra_request_params must be a mapping, found a list of 1 item (in the mount config)'],
    [{ routing_overrides: { fast: 3 } }, 'routing_overrides.fast must be a mapping from roles to {description?, candidates} or to a list of candidates, found the number 3 (in the mount config)'],
    [{ custom_routing_dirs: [3] }, 'custom_routing_dirs[0] must be a list of folders, found the number 3 (in the mount config)'],
    [{ token_file_path: ' ' }, 'token_file_path must be a path, found the text " " (in the mount config)'],
    [{ host_file_path: '${UNSET}' }, 'host_file_path must be a path, found the text "${UNSET}" (in the mount config)'],
    [{ account: '../x' }, 'account must be a name of at most 64 letters, digits, dots, dashes and underscores, found the text "../x" (in the mount config)'],
    [{ max_concurrency: 2.5 }, 'max_concurrency must be a whole number from 1, found the number 2.5 (in the mount config)'],
    [{ lane: 'gold' }, 'lane must be one of codex, plan, api_key, chatgpt_codex, legacy_codex, chatgpt_plan, oauth, found the text "gold" (in the mount config)'],
  ])('%j is refused, naming key, kind and place', (config, message) => expect(refusal(config)).toBe(message))

  test('several wrong options are named together', () => {
    expect(refusal({ raw: 3, timeout: 'x' })).toMatch(/raw must be .*; timeout must be /)
  })

  test('a secret is never shown, whatever its type', () => {
    for (const value of [['sk-canary-1'], { key: 'sk-canary-1' }, 12345678]) {
      expect(refusal({ api_key: value })).not.toMatch(/canary|12345678/)
    }
    expect(refusal({ redis_url: 'http://user:canary@host' })).not.toContain('canary')
  })

  test('a long text is shortened', () => expect(refusal({ raw: 'x'.repeat(10_000) }).length).toBeLessThan(160))

  test('a config that is no mapping is refused', () => {
    expect(refusal('text')).toBe('the mount config must be a mapping, found the text "text"')
    expect(refusal([1])).toBe('the mount config must be a mapping, found a list of 1 item')
  })

  test('the file and line are named where the value knows them', () => {
    const origin: Origin = { file: '/home/me/.amplifier/settings.yaml', line: 4, column: 7, whose: 'user' }
    expect(refusal(attachOrigins({ raw: 'maybe' }, { raw: origin }))).toContain('(/home/me/.amplifier/settings.yaml:4:7)')
    expect(() => resolveOptions({ raw: 'maybe' }, { env, origin: { raw: origin } })).toThrow('/home/me/.amplifier/settings.yaml:4:7')
  })
})

describe('unknown keys', () => {
  test.each([
    ['default_modle', 'default_model'], ['defaultModel', 'default_model'], ['max-retries', 'max_retries'], ['model', 'default_model'],
    ['effort', 'reasoning_effort'], ['time_out', 'timeout'], ['experimental_compaction', 'compact_at'],
  ])('%s warns and suggests %s', (key, suggestion) => {
    const { warnings } = resolveOptions({ [key]: 'x' }, { env })
    expect(warnings).toEqual([`unknown option "${key}" has no effect; did you mean ${suggestion}? (in the mount config)`])
  })

  test('a key that resembles nothing warns without a guess', () => {
    expect(resolveOptions({ zzzzzzzz: 1 }, { env }).warnings).toEqual(['unknown option "zzzzzzzz" has no effect (in the mount config)'])
    expect(resolveOptions({ ['k'.repeat(100_000)]: 1 }, { env }).warnings).toHaveLength(1)
  })

  test('keys that hosts add pass without a word', () => {
    const { warnings } = resolveOptions({ id: 'x', instance_id: 'x', name: 'x', source: 'git+https://example.com/x', module: 'm' }, { env })
    expect(warnings).toEqual([])
  })

  test('keys of Object.prototype are unknown keys, nothing more', () => {
    const config = JSON.parse('{"__proto__": {"raw": true}, "constructor": 1, "toString": 2}') as Record<string, unknown>
    const { options, warnings } = resolveOptions(config, { env })
    expect(warnings).toHaveLength(3)
    expect(options.raw).toBe(false)
  })
})

describe('lanes and credentials', () => {
  test.each([['legacy_codex', 'codex'], ['oauth', 'codex'], ['chatgpt_plan', 'plan'], ['api_key', 'api_key'], ['codex', 'codex'], ['plan', 'plan']])(
    'auth_mode %s is lane %s',
    (mode, lane) => {
      expect(resolveOptions({ auth_mode: mode }, { env }).options.lane).toBe(lane)
      expect(resolveOptions({ lane: mode }, { env }).options.lane).toBe(lane)
    },
  )

  test('lane wins over auth_mode, with a warning', () => {
    const { options, warnings } = resolveOptions({ auth_mode: 'chatgpt_plan', lane: 'codex' }, { env })
    expect(options.lane).toBe('codex')
    expect(warnings).toEqual(['auth_mode has no effect beside lane (in the mount config)'])
  })

  test('default_matrix is another name of matrix', () => {
    expect(resolveOptions({ default_matrix: 'mine' }, { env }).options.matrix).toBe('mine')
  })

  test('secrets are readable and appear in no dump of the options', () => {
    const { options } = resolveOptions(
      { lane: 'api_key', api_key: '${OPENAI_API_KEY}', token_store: 'redis', redis_url: 'redis://:canary-r@127.0.0.1' },
      { env: { OPENAI_API_KEY: 'canary-k' } },
    )
    expect(options.apiKey).toBe('canary-k')
    expect(options.redisUrl).toBe('redis://:canary-r@127.0.0.1')
    expect(JSON.stringify(options) + inspect(options)).not.toContain('canary')
  })

  test('a key that merely lies in the environment is not used', () => {
    expect(resolveOptions({ lane: 'api_key' }, { env: { OPENAI_API_KEY: 'k' } }).options.apiKey).toBeUndefined()
  })

  test('a key in another lane has no effect, and a warning says so', () => {
    expect(resolveOptions({ api_key: 'k' }, { env }).warnings).toEqual(['api_key has no effect in lane codex; set lane: api_key to use it (in the mount config)'])
  })

  test('the redis store needs its URL, from the config or the environment', () => {
    expect(refusal({ token_store: 'redis' })).toContain('redis_url')
    expect(resolveOptions({ token_store: 'redis' }, { env: { AMPLIFIER_CHATGPT_REDIS_URL: 'rediss://r' } }).options.redisUrl).toBe('rediss://r')
  })
})

describe('places that credentials go to', () => {
  test.each(['https://gw.example/v1/', 'http://127.0.0.1:9/x//', 'http://localhost:1', 'http://[::1]:1', 'http://127.1:1'])('%s is taken, without a / at its end', (url) => {
    const { options } = resolveOptions({ base_url: url, issuer: url }, { env })
    expect(options.baseUrl).not.toMatch(/\/$/)
    expect(options.issuer).toBe(options.baseUrl)
  })

  test.each([
    ['http://example.com', 'plain http is allowed to loopback only'], ['http://127.0.0.1.example.com', 'plain http'], ['http://localhost.evil.example', 'plain http'],
    ['ftp://127.0.0.1', 'an https URL'], ['file:///etc', 'an https URL'], ['nonsense', 'an https URL'], ['//host', 'an https URL'],
    ['https://user:canary@example.com', 'without a user and a password'], ['https://example.com/?key=1', 'without a query'], ['http://0.0.0.0:1', 'plain http'],
  ])('%s is refused', (url, reason) => {
    for (const key of ['base_url', 'issuer']) {
      const message = refusal({ [key]: url })
      expect(message).toContain(reason)
      expect(message).not.toContain('canary')
    }
  })

  test('the environment sets what the config leaves out, and only that', () => {
    const given = {
      AMPLIFIER_CHATGPT_BASE_URL: 'http://127.0.0.1:1/b/', AMPLIFIER_CHATGPT_ISSUER: 'http://127.0.0.1:1', AMPLIFIER_CHATGPT_CLIENT_ID: 'app_x',
      AMPLIFIER_CHATGPT_TOKEN_FILE: '~/t.json',
    }
    expect(resolveOptions({}, { env: given, home: '/home/me' }).options).toMatchObject({
      baseUrl: 'http://127.0.0.1:1/b', issuer: 'http://127.0.0.1:1', clientId: 'app_x', tokenFilePath: resolve('/home/me/t.json'),
    })
    expect(resolveOptions({ base_url: 'https://mine.example' }, { env: given }).options.baseUrl).toBe('https://mine.example')
    expect(refusal({}, { AMPLIFIER_CHATGPT_BASE_URL: 'http://example.com' })).toContain('the environment variable AMPLIFIER_CHATGPT_BASE_URL')
  })

  test('relative paths start at the file that says them, ~ at home', () => {
    const file = resolve('/home/me/.amplifier/settings.yaml')
    const origin = { file, line: 1, column: 1, whose: 'user' as const }
    const config = attachOrigins({ ca_file: 'ca.pem', token_file_path: '~/t.json' }, { ca_file: origin, token_file_path: origin })
    const { options } = resolveOptions(config, { env, home: '/home/me' })
    expect(options).toMatchObject({ caFile: join(dirname(file), 'ca.pem'), tokenFilePath: resolve('/home/me/t.json') })
    expect(resolveOptions({ ca_file: 'ca.pem' }, { env, cwd: '/srv' }).options.caFile).toBe(resolve('/srv/ca.pem'))
  })
})

describe('requests', () => {
  test('the fields that the provider answers for are left out of extra_request_params, with a warning', () => {
    const { options, warnings } = resolveOptions({ extra_request_params: { store: true, model: 'x', input: [], stream: false, user: 'u' } }, { env })
    expect(options.extraRequestParams).toEqual({ user: 'u' })
    expect(warnings).toEqual(['extra_request_params may not set store, stream, input, model; left out (in the mount config)'])
  })

  test('the environment\'s effort stands apart from the config\'s', () => {
    const { options } = resolveOptions({ reasoning_effort: 'low' }, { env: { AMPLIFIER_CHATGPT_REASONING_EFFORT: ' XHigh ' } })
    expect(options).toMatchObject({ reasoningEffort: 'low', environmentEffort: 'xhigh' })
    const wrong = resolveOptions({}, { env: { AMPLIFIER_CHATGPT_REASONING_EFFORT: 'huge' } })
    expect(wrong.options.environmentEffort).toBeUndefined()
    expect(wrong.warnings[0]).toContain('AMPLIFIER_CHATGPT_REASONING_EFFORT')
  })
})

test('a host\'s live objects in a config are neither walked through nor copied, and a cycle does no harm', () => {
  const live = new (class { get trap(): never { throw new Error('walked') } })()
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const { options, warnings } = resolveOptions({ live, extra_request_params: { live, cycle } }, { env })
  expect(options.extraRequestParams['live']).toBe(live)
  expect(warnings).toHaveLength(1)
})
