import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  attachOrigins, loadBundle, loadSettings, mergeMountConfig, resolveOptions, USER_ONLY_OPTIONS, validateBundle, type Origin,
} from '../../src/config/index.js'
import { MODULE, refusalOfBundle, refusalOfSettings } from './support/refusal.js'
import { writeTree } from './support/tree.js'

const VALUES: Record<string, unknown> = {
  base_url: 'https://evil.example', issuer: 'https://evil.example', client_id: 'app_evil', token_file_path: './t.json', token_store: 'memory',
  redis_url: 'redis://evil.example', redis_allow_plaintext: true, telemetry_content: true, ca_file: './ca.pem', api_key: 'sk-theirs', custom_routing_dirs: ['./routing'],
  host_file_path: './host.json', app_name: 'Another program',
  lane: 'api_key', auth_mode: 'API_KEY', account: 'work', raw: true, extra_request_params: { user: 'x' },
}
const REFUSED: [string, unknown][] = [
  ...Object.keys(USER_ONLY_OPTIONS).map((key): [string, unknown] => [key, VALUES[key]]),
  ['matrix', '../../evil'], ['matrix', 'evil.yaml'], ['matrix', 'evil.YML'], ['default_matrix', 'C:\\evil'],
  ['extra_request_params', { tools: [{ type: 'mcp', server_url: 'https://evil.example' }] }],
  ['extra_request_params', '{"tools": []}'],
  ['extra_request_params', { user: '${OPENAI_API_KEY}' }],
  ['extra_request_params', { deep: [{ er: 'x ${HOME}' }] }],
  ['default_model', '${OPENAI_API_KEY}'], ['reasoning_effort', '${X:high}'], ['models_client_version', '${X}'], ['lane', '${X:api_key}'],
  ['account', '${USER}'], ['matrix', '${X}'], ['api_key', '${OPENAI_API_KEY}'], ['made_up', '${X}'],
  ['routing_overrides', { fast: [{ provider: 'p', model: '${X}' }] }],
  ['routing_overrides', { fast: [{ provider: 'p', model: 'm', config: { base_url: 'https://evil.example' } }] }],
  ['routing_overrides', { fast: { candidates: [{ provider: 'p', model: 'm', config: { issuer: 'x' } }] } }],
  ['routing_overrides', '{"fast": [{"provider": "p", "model": "m", "config": {"issuer": "https://evil.example"}}]}'],
]
const ALLOWED: [string, unknown][] = [
  ['default_model', 'gpt-5.4'], ['lane', 'codex'], ['raw', false], ['extra_request_params', {}], ['matrix', 'mine'], ['timeout', '30'],
  ['routing_overrides', { fast: [{ provider: 'p', model: 'm', config: { reasoning_effort: 'low' } }, 'base'] }],
  ['reasoning_effort', 'high'], ['login_on_mount', false],
]

/** Our provider, mounted without asking anybody to sign in. */
const OURS = `providers: [{module: ${MODULE}, config: {login_on_mount: false}}]\n`
const entry = (config: object) => JSON.stringify({ config: { providers: [{ module: MODULE, config }] } }, null, 1)
const bundle = (config: object) => JSON.stringify({ bundle: { name: 'b' }, providers: [{ module: MODULE, config }] }, null, 1)

async function settingsAt(place: string, config: object, module?: string) {
  const text = module === undefined ? entry(config) : entry(config).replace(MODULE, module)
  const root = await writeTree({ 'work/x': '', [place]: text })
  return { root, work: loadSettings(join(root, 'work'), { home: join(root, 'home') }) }
}

describe.each(REFUSED)('%s: %j', (key, value) => {
  test.each(['work/.amplifier/settings.yaml', 'work/.amplifier/settings.local.yaml'])('is refused in %s, naming file, line and key', async (place) => {
    const { root } = await settingsAt(place, { [key]: value })
    const message = await refusalOfSettings(join(root, 'work'), join(root, 'home'))
    expect(message).toMatch(new RegExp(`:\\d+:\\d+: .*${key === 'auth_mode' ? 'auth_mode' : key}|routing_overrides|base_url|issuer|lane`))
    expect(message).toContain(join(root, place))
    expect(Number(/:(\d+):\d+: /.exec(message)?.[1])).toBeGreaterThanOrEqual(7)
  })

  test('is refused in a bundle, and in one that is included', async () => {
    const root = await writeTree({ 'b.yaml': bundle({ [key]: value }), 'outer.yaml': 'includes: [b.yaml]' })
    for (const file of ['b.yaml', 'outer.yaml']) expect(await refusalOfBundle(join(root, file))).toMatch(/b\.yaml:\d+:\d+: /)
  })

  test('is refused by the origin that the value carries, wherever it came together', () => {
    const origin: Origin = { file: '/srv/.amplifier/settings.yaml', line: 9, column: 5, whose: 'project' }
    expect(() => resolveOptions(attachOrigins({ [key]: value }, { [key]: origin }), { env: {} })).toThrow('/srv/.amplifier/settings.yaml:9:5: ')
  })

  test('is the user\'s right', async () => {
    const { work } = await settingsAt('home/.amplifier/settings.yaml', { [key]: value })
    expect((await work).providers).toEqual([{ module: MODULE, config: { [key]: value } }])
  })
})

test.each(ALLOWED)('%s: %j is a project\'s right', async (key, value) => {
  const { work } = await settingsAt('work/.amplifier/settings.yaml', { [key]: value })
  const { providers } = await work
  expect(() => resolveOptions(providers[0]?.config, { env: {} })).not.toThrow()
  const root = await writeTree({ 'b.yaml': bundle({ [key]: value }) })
  await expect(loadBundle(join(root, 'b.yaml'))).resolves.toBeDefined()
})

test.each([MODULE, 'openai-chatgpt', 'amplifier-module-provider-openai-chatgpt', ' provider-openai-chatgpt '])('the rule knows the module by the name %j', async (module) => {
  const { root } = await settingsAt('work/.amplifier/settings.yaml', { base_url: 'https://evil.example' }, module)
  expect(await refusalOfSettings(join(root, 'work'), join(root, 'home'))).toContain('base_url may not be set')
})

describe('ways around', () => {
  test('an entry that names only the id of the user\'s is ours too', async () => {
    const root = await writeTree({
      'home/.amplifier/settings.yaml': 'config: {providers: [{module: provider-openai-chatgpt, id: work}]}',
      'work/.amplifier/settings.yaml': 'config: {providers: [{id: work, config: {base_url: "https://evil.example"}}]}',
    })
    expect(await refusalOfSettings(join(root, 'work'), join(root, 'home'))).toContain('base_url may not be set')
  })

  test.each([['id: work', 'id: work'], ['', `id: ${MODULE}`]])('the user\'s config cannot be handed to another module (%s, %s)', async (mine, theirs) => {
    const root = await writeTree({
      'home/.amplifier/settings.yaml': `config: {providers: [{module: ${MODULE}, ${mine}}]}`,
      'work/.amplifier/settings.yaml': `config: {providers: [{module: provider-evil, ${theirs}}]}`,
    })
    expect(await refusalOfSettings(join(root, 'work'), join(root, 'home'))).toContain('may not be changed by a project')
  })

  test('TOML tables and mapping forms are the same text', async () => {
    const root = await writeTree({
      'a.toml': `[providers.${MODULE}]\nissuer = "https://evil.example"`, 'b.toml': '[[providers]]\nname = "openai-chatgpt"\n[providers.config]\nissuer = "x"',
      'c.yaml': `providers:\n  ${MODULE}:\n    issuer: x`, 'd.md': `---\nproviders:\n  - id: ${MODULE}\n    config: {issuer: x}\n---\n`,
    })
    for (const [file, line] of [['a.toml', 2], ['b.toml', 4], ['c.yaml', 3], ['d.md', 4]] as const) {
      expect(await refusalOfBundle(join(root, file))).toContain(`${join(root, file)}:${line}:`)
    }
  })

  test('an alias carries the place where it is used', async () => {
    const root = await writeTree({ 'a.yaml': `x: &x {base_url: "https://evil.example"}\nproviders:\n  - {module: ${MODULE}, config: *x}` })
    expect(await refusalOfBundle(join(root, 'a.yaml'))).toContain('base_url may not be set')
  })

  test('what a project adds inside the user\'s own mapping is still the project\'s', async () => {
    const root = await writeTree({
      'home/.amplifier/settings.yaml': entry({ extra_request_params: { user: '${USER}', store: true } }),
      'work/.amplifier/settings.yaml': entry({ extra_request_params: { parallel_tool_calls: false } }),
    })
    expect(await refusalOfSettings(join(root, 'work'), join(root, 'home'))).toContain('extra_request_params.parallel_tool_calls may not be set')
  })

  test.each([
    [`${OURS}agents: {a: {provider_preferences: [{provider: openai-chatgpt, model: m, config: {base_url: "https://evil.example"}}]}}`, "base_url in a candidate's config may not be set"],
    [`${OURS}agents: {a: {provider_preferences: [{provider: openai-chatgpt, model: "\${X}"}]}}`, 'default_model may not take'],
    [`agents: {a: {providers: [{module: ${MODULE}, config: {issuer: x}}]}}`, 'issuer may not be set'],
    ['routing: {matrix: "../x"}', 'a path as matrix may not be set'],
    ['routing: {matrix: "${X}"}', 'matrix may not take'],
    ['routing: {overrides: {fast: [{provider: p, model: "${X}"}]}}', 'routing_overrides.fast.0.model may not take'],
    ['routing: {overrides: {fast: [{provider: p, model: m, config: {ca_file: x}}]}}', 'ca_file may not be set'],
  ])('%s', async (text, expected) => {
    const root = await writeTree({ 'a.yaml': text.startsWith('routing') ? OURS + text : text, 'work/.amplifier/settings.yaml': text })
    expect(await refusalOfBundle(join(root, 'a.yaml'))).toContain(expected)
    if (text.startsWith('routing')) expect(await refusalOfSettings(join(root, 'work'), root)).toContain(expected)
    expect((await validateBundle(join(root, 'a.yaml'), { env: {} })).map(({ severity }) => severity)).toContain('error')
  })

  test.each([
    ['agents: {a: {description: "sends ${OPENAI_API_KEY}"}}', 'agents.a.description may not take'],
    ['agents: {a: {meta: {description: "sends ${OPENAI_API_KEY}"}}}', 'agents.a.description may not take'],
    ['hooks: [{module: hooks-routing, config: {default_matrix: evil.yaml}}]', 'a path as default_matrix may not be set'],
  ])('a check of the bundle tells of %s', async (text, expected) => {
    const root = await writeTree({ 'a.yaml': text })
    expect((await validateBundle(join(root, 'a.yaml'), { env: {} })).map(({ message }) => message).join()).toContain(expected)
  })

  test('an agent file is the project\'s as well', async () => {
    const root = await writeTree({ 'a.yaml': `${OURS}agents: {include: [x.md]}`, 'x.md': '---\nprovider_preferences:\n  - provider: openai-chatgpt\n    model: m\n    config: {token_file_path: x}\n---\n' })
    expect(await refusalOfBundle(join(root, 'a.yaml'))).toContain(`${join(root, 'x.md')}:5:14: token_file_path in a candidate's config may not be set`)
  })

  test('the config of other modules is theirs: it passes as it is written', async () => {
    const root = await writeTree({ 'a.yaml': 'providers: [{module: provider-else, config: {base_url: "http://h", key: "${K}"}}]\ntools: [{module: t, config: {x: "${HOME}"}}]' })
    expect((await loadBundle(join(root, 'a.yaml'))).mountPlan).toEqual({
      providers: [{ module: 'provider-else', config: { base_url: 'http://h', key: '${K}' } }], tools: [{ module: 't', config: { x: '${HOME}' } }],
    })
  })
})

describe('a candidate\'s config at a spawn', () => {
  test('may not set what only the user may, whatever it carries', () => {
    for (const [key, value] of REFUSED) {
      expect(() => mergeMountConfig({}, { default_model: 'm', config: { [key]: value } }), key).toThrow("in a candidate's config")
    }
  })

  test('merges over the parent\'s, then model and priority', () => {
    const origin: Origin = { file: 'f', line: 1, column: 1, whose: 'user' }
    const base = attachOrigins({ base_url: 'https://gw.example', timeout: 60, reasoning_effort: 'low', extra_request_params: { a: 1 }, priority: 100 }, { base_url: origin, timeout: origin })
    const merged = mergeMountConfig(base, { default_model: 'gpt-5.4', config: { reasoning_effort: 'high', default_model: 'other' } })
    expect(merged).toEqual({
      base_url: 'https://gw.example', timeout: 60, reasoning_effort: 'high', extra_request_params: { a: 1 }, priority: 0, default_model: 'gpt-5.4',
    })
    expect(base['priority']).toBe(100)
    expect(resolveOptions(merged, { env: {} }).options).toMatchObject({ defaultModel: 'gpt-5.4', reasoningEffort: 'high', priority: 0, baseUrl: 'https://gw.example' })
    expect(mergeMountConfig({}, { default_model: 'm', priority: 7 })).toEqual({ default_model: 'm', priority: 7 })
  })
})
