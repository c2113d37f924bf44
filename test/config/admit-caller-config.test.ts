import { join } from 'node:path'
import { expect, test } from 'vitest'
import { admitCallerConfig, listOptionNames, resolveOptions } from '../../src/config/index.js'
import { OPTION_SCHEMAS } from '../../src/config/option-schema.js'
import { TRUST_TABLE } from '../../src/config/trust-table.js'
import { messageOf, writeTree } from './support/tree.js'

const TWO_ENTRIES = `config:
  providers:
    - {module: provider-openai-chatgpt, id: a, config: {lane: api_key, base_url: "https://a.example/v1", api_key: "\${KEY_A}"}}
    - {module: provider-openai-chatgpt, id: b, config: {lane: api_key, base_url: "https://b.example/v1", api_key: "\${KEY_B}"}}
`
const env = { KEY_A: 'key-a', KEY_B: 'key-b', GITHUB_TOKEN: 'made-up' }

async function admit(sent: Record<string, unknown>, isHostBuilt = false) {
  const root = await writeTree({ 'home/.amplifier/settings.yaml': TWO_ENTRIES })
  return admitCallerConfig(sent, { env, home: join(root, 'home'), isHostBuilt })
}

test('every option of the schema has a row in the trust table', () => {
  expect(Object.keys(OPTION_SCHEMAS).filter((key) => !Object.hasOwn(TRUST_TABLE, key))).toEqual([])
  expect(listOptionNames().length).toBeGreaterThan(20)
})

test.each([
  ['what a project may set', { default_model: 'gpt-5.4', timeout: 30 }],
  ['one entry of the user\'s, as it is written', { lane: 'api_key', base_url: 'https://a.example/v1', api_key: '${KEY_A}' }],
  ['one entry of the user\'s, filled in', { lane: 'api_key', base_url: 'https://b.example/v1/', api_key: 'key-b' }],
  ['what holds anyway', { lane: 'codex', raw: false }],
])('%s is admitted, and mounts', async (_name, sent) => {
  const config = await admit(sent)
  expect(config).toEqual(sent)
  expect(() => resolveOptions(config, { env })).not.toThrow()
})

test.each([
  ['the key of one entry beside the address of another', { lane: 'api_key', base_url: 'https://a.example/v1', api_key: 'key-b' }],
  ['a key without its address', { lane: 'api_key', api_key: 'key-a' }],
  ['an address of its own', { base_url: 'https://evil.example' }],
  ['another variable', { lane: 'api_key', base_url: 'https://a.example/v1', api_key: '${GITHUB_TOKEN}' }],
  ['a variable as model', { default_model: '${GITHUB_TOKEN}' }],
])('%s is refused', async (_name, sent) => {
  expect(await messageOf(admit(sent))).toMatch(/^ConfigurationError: .*may not (be set|take)/)
})

test.each([
  ['a name that is no sign-in', { auth_mode: 'chatgpt' }, /^ConfigurationError: auth_mode must be .*chatgpt_plan.*"chatgpt"/],
  ['a word that is no switch', { raw: 'maybe' }, /^ConfigurationError: raw must be .*"maybe"/],
])('%s is a wrong value before it is a question of trust', async (_name, sent, said) => {
  expect(await messageOf(admit(sent))).toMatch(said)
})

test('a refusal names the key as it was written, and the way in code', async () => {
  expect(await messageOf(admit({ auth_mode: 'chatgpt_plan' }))).toMatch(/^ConfigurationError: auth_mode may not be set by a caller [^(]*\(in Python trust_config\(\)\)/)
})

test('what a variable holds decides over no value that is looked at before trust', async () => {
  for (const GITHUB_TOKEN of ['true', 'secret']) {
    const answer = await messageOf(admitCallerConfig({ raw: '${GITHUB_TOKEN}' }, { env: { ...env, GITHUB_TOKEN }, home: '/nowhere' }))
    expect(answer).toContain('raw may not be set by a caller')
    expect(answer).not.toContain(GITHUB_TOKEN)
  }
})

test('a caller that proved nothing repeats nothing of the user\'s, while what a project may set passes', async () => {
  const root = await writeTree({ 'home/.amplifier/settings.yaml': TWO_ENTRIES })
  const context = { env, home: join(root, 'home'), isAnonymous: true }
  expect(await messageOf(admitCallerConfig({ lane: 'api_key', base_url: 'https://a.example/v1', api_key: 'key-a' }, context))).toContain('lane may not be set by a caller')
  expect(await admitCallerConfig({ default_model: 'gpt-5.4', lane: 'codex' }, context)).toEqual({ default_model: 'gpt-5.4', lane: 'codex' })
})

test('over the server\'s own value the default is another word, and the value itself is none', async () => {
  const context = { env, home: '/nowhere', base: { lane: 'api_key', base_url: 'https://mine.example', account: 'work' } }
  for (const sent of [{ lane: 'codex' }, { auth_mode: 'codex' }, { account: null }]) expect(await messageOf(admitCallerConfig(sent, context)), JSON.stringify(sent)).toMatch(/may not be set by a caller/)
  expect(await admitCallerConfig({ lane: 'api_key', account: 'work' }, context)).toEqual(context.base)
})

test('a program that built the config itself may set everything', async () => {
  const config = await admit({ base_url: 'https://mine.example' }, true)
  expect(resolveOptions(config, { env }).options.baseUrl).toBe('https://mine.example')
})
