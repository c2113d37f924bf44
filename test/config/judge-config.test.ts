import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { attachOrigins, judgeConfig, type Origin } from '../../src/config/index.js'
import { judgeHookConfig } from '../../src/config/judge-config.js'
import { OPTION_SCHEMAS } from '../../src/config/option-schema.js'
import { TRUST_TABLE } from '../../src/config/trust-table.js'

/** Who may say each option, in the words of the issue: the policy as it is meant, beside the table that carries it out. */
const POLICY: Readonly<Record<string, readonly string[]>> = {
  'a project too': [
    'default_model', 'reasoning_effort', 'reasoning_summary', 'text_verbosity', 'service_tier', 'tool_output_max_chars', 'use_streaming', 'timeout', 'total_timeout',
    'connect_timeout', 'compact_at', 'continuation', 'first_event_timeout', 'max_retries', 'max_continuations', 'max_concurrency', 'concurrency_scope', 'transport', 'warm_up', 'login_on_mount', 'models_cache_ttl',
    'models_client_version', 'priority', 'strict_routing', 'routing_rules', 'admission', 'served_model_policy', 'usage_totals', 'id', 'instance_id', 'name', 'source', 'module',
  ],
  'a project by name': ['matrix', 'default_matrix'],
  'a project within its candidates': ['routing_overrides'],
  'a project that repeats it': ['lane', 'auth_mode', 'account', 'raw', 'telemetry_content', 'extra_request_params'],
  'the user alone': ['base_url', 'issuer', 'client_id', 'ca_file', 'api_key', 'token_store', 'token_file_path', 'redis_url', 'redis_allow_plaintext', 'custom_routing_dirs', 'host_file_path', 'app_name'],
}
const groupOf = (option: string) => Object.keys(POLICY).find((group) => POLICY[group]?.includes(option))

const from = (whose: Origin['whose'], more: Partial<Origin> = {}): Origin => ({ file: '/work/file.yaml', line: 3, column: 5, whose, ...more })
const AUTHORS: readonly (readonly [name: string, origin: Origin | undefined, isTrusted: boolean])[] = [
  ['the user', from('user'), true], ['the environment', from('environment'), true], ['the host program', from('host'), true], ['host code', undefined, true],
  ['a project', from('project'), false], ['a caller', from('caller'), false], ['a preference of the user', from('user', { via: 'candidate' }), false],
]
const judge = (key: string, value: unknown, origin: Origin | undefined, more: object = {}) =>
  judgeConfig(attachOrigins({ ...more, [key]: value }, origin ? { [key]: origin } : {}), { env: { HOME: '/home/made-up' } }).map(({ path }) => path)

test('every option of the schema is in the policy once, and the table says the same', () => {
  expect(Object.values(POLICY).flat().sort()).toEqual(Object.keys(OPTION_SCHEMAS).sort())
  const told = (option: string) => {
    const { who, same } = TRUST_TABLE[option] ?? { who: 'user' as const, same: undefined }
    return who === 'user' ? (same ? 'a project that repeats it' : 'the user alone') : who === 'name' ? 'a project by name' : who === 'roles' ? 'a project within its candidates' : 'a project too'
  }
  expect(Object.keys(OPTION_SCHEMAS).map((option) => [option, told(option)])).toEqual(Object.keys(OPTION_SCHEMAS).map((option) => [option, groupOf(option)]))
})

test('the README and the page on security name every option that a project may only repeat', () => {
  const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  const listed = (text: string | undefined) => [...(text ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name).sort()
  const repeated = Object.keys(TRUST_TABLE).filter((option) => TRUST_TABLE[option]?.same)
  expect(listed(/^\| (.*) \| only as they hold anyway \|$/m.exec(read('docs/security.md'))?.[1])).toEqual([...repeated].sort())
  expect(listed(/\n(.*) unless they repeat what holds anyway/.exec(read('README.md'))?.[1])).toEqual(repeated.filter((option) => option !== 'auth_mode').sort())
})

describe.each(AUTHORS)('%s', (_name, origin, isTrusted) => {
  test.each(Object.keys(OPTION_SCHEMAS))('%s', (option) => {
    const free = ['a project too', 'a project by name', 'a project within its candidates'].includes(groupOf(option) ?? '')
    expect(judge(option, 'made-up', origin)).toEqual(isTrusted || free ? [] : [option])
    const isLocal = TRUST_TABLE[option]?.local === true
    expect(judge(option, 'x ${HOME}', origin)).toEqual(isTrusted || isLocal ? [] : [option])
  })

  test.each(['matrix', 'default_matrix'])('a path as %s', (option) => {
    for (const path of ['evil.yaml', './evil', 'a/b', 'a\\b', '/etc/x', 'evil.YML ', '~/x']) expect(judge(option, path, origin), path).toEqual(isTrusted ? [] : [option])
  })

  test('what a candidate carries, and what a routing hook says', () => {
    const roles = (config: object) => ({ fast: [{ provider: 'openai-chatgpt', model: 'm', config }] })
    expect(judge('routing_overrides', roles({ reasoning_effort: 'low' }), origin)).toEqual([])
    expect(judge('routing_overrides', roles({ base_url: 'x' }), origin)).toEqual(isTrusted ? [] : ['routing_overrides.fast.0.config.base_url'])
    const hook = { default_matrix: 'evil.yaml', custom_routing_dirs: ['.'], overrides: roles({ issuer: 'x' }), placement: 'inject' }
    const refused = judgeHookConfig(attachOrigins(hook, origin ? Object.fromEntries(Object.keys(hook).map((key) => [key, origin])) : {}))
    expect(refused.map(({ path }) => path)).toEqual(isTrusted ? [] : ['default_matrix', 'custom_routing_dirs', 'overrides.fast.0.config.issuer'])
  })
})

test.each([
  ['the default', 'lane', 'codex', {}, []], ['another than the default', 'lane', 'plan', {}, ['lane']], ['nothing', 'account', null, {}, []],
  ['the user\'s under the older name', 'auth_mode', 'api_key', { lane: 'api_key' }, []], ['against the user\'s under the older name', 'auth_mode', 'codex', { lane: 'api_key' }, ['auth_mode']],
])('a project repeats %s', (_name, key, value, more, refused) => {
  expect(judge(key, value, from('project'), more)).toEqual(refused)
})

test('a project repeats the user\'s word and takes none away, however many of its files lie between', () => {
  const user = { file: '/home/settings.yaml', line: 1, whose: 'user' as const, value: 'api_key' }
  const between = Array.from({ length: 20 }, (_item, line) => ({ file: '/work/b.yaml', line, whose: 'project' as const, value: 'codex' }))
  expect(judge('lane', 'api_key', from('project', { shadowed: [...between, user] }))).toEqual([])
  for (const value of ['codex', '', null]) expect(judge('lane', value, from('project', { shadowed: [...between, user] }))).toEqual(['lane'])
})
