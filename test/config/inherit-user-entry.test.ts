import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildMountPlan, loadBundle, loadSettings, resolveOptions } from '../../src/config/index.js'
import type { MountPlanEntry } from '../../src/contract/index.js'
import { writeTree } from './support/tree.js'

const OURS = 'provider-openai-chatgpt'
const WORK = {
  module: OURS, id: 'work',
  config: { base_url: 'https://gateway.example/v1', issuer: 'https://issuer.example', account: 'work', raw: true, default_model: 'gpt-5.5', timeout: 60, custom_routing_dirs: ['/home/routing'] },
}
const USER_ONLY = { base_url: 'https://gateway.example/v1', issuer: 'https://issuer.example', account: 'work', raw: true, custom_routing_dirs: ['/home/routing'] }

/** The providers of a plan with these entries of the user's settings, the project's settings and a bundle. */
async function plan(entries: { user?: object[]; project?: object[]; bundle?: object[] }): Promise<readonly MountPlanEntry[]> {
  const settings = (providers: object[] = []) => JSON.stringify({ config: { providers } })
  const root = await writeTree({
    'home/.amplifier/settings.yaml': settings(entries.user), 'work/.amplifier/settings.yaml': settings(entries.project),
    'work/b.yaml': JSON.stringify({ providers: entries.bundle ?? [] }),
  })
  return buildMountPlan({ bundle: await loadBundle(join(root, 'work', 'b.yaml')), settings: await loadSettings(join(root, 'work'), { home: join(root, 'home') }) }).providers ?? []
}
const configOf = (entries: readonly MountPlanEntry[], id: string | undefined) => entries.find((entry) => entry.id === id)?.config

test.each<[string, 'bundle' | 'project', object]>([
  ['a bundle', 'bundle', { module: OURS, id: 'theirs', config: { default_model: 'gpt-5.4' } }],
  ['project settings', 'project', { module: 'openai-chatgpt', id: 'theirs', config: { default_model: 'gpt-5.4' } }],
])('a further instance of %s has what only the user may set from the user\'s one, and nothing else of it', async (_name, place, entry) => {
  const providers = await plan({ user: [WORK], [place]: [entry] })
  expect(configOf(providers, 'theirs')).toEqual({ ...USER_ONLY, default_model: 'gpt-5.4' })
  expect(configOf(providers, 'work')).toEqual(WORK.config)
  expect(resolveOptions(configOf(providers, 'theirs'), { env: {} }).options).toMatchObject({ baseUrl: 'https://gateway.example/v1', account: 'work', defaultModel: 'gpt-5.4' })
})

test('one without a config, and one without an id beside the user\'s that has one, have it too', async () => {
  const providers = await plan({ user: [WORK], bundle: [{ module: OURS }, { module: OURS, id: 'theirs' }] })
  expect([configOf(providers, undefined), configOf(providers, 'theirs')]).toEqual([USER_ONLY, USER_ONLY])
})

test.each([['base_url', 'https://evil.example'], ['account', 'theirs'], ['lane', 'plan'], ['issuer', null], ['raw', false]])('what it says over the user\'s word is refused: %s', async (key, value) => {
  const config = configOf(await plan({ user: [WORK], bundle: [{ module: OURS, id: 'theirs', config: { [key]: value } }] }), 'theirs')
  expect(() => resolveOptions(config, { env: {} })).toThrow(`${key} may not be set by a project's files`)
})

test('what it repeats passes, and what a project added to the user\'s own entry is not taken for the user\'s', async () => {
  const providers = await plan({
    user: [WORK], project: [{ id: 'work', config: { client_id: 'app_evil' } }], bundle: [{ module: OURS, id: 'theirs', config: { account: 'work', lane: 'codex' } }],
  })
  expect(() => resolveOptions(configOf(providers, 'theirs'), { env: {} })).toThrow('settings.yaml:1:48: client_id may not be set')
  const same = configOf(await plan({ user: [WORK], bundle: [{ module: OURS, id: 'theirs', config: { account: 'work', lane: 'codex' } }] }), 'theirs')
  expect(resolveOptions(same, { env: {} }).options).toMatchObject({ account: 'work', lane: 'codex' })
})

test('with none of the user\'s, or with two, the defaults hold', async () => {
  const theirs = { module: OURS, id: 'theirs', config: { default_model: 'gpt-5.4' } }
  for (const user of [[], [WORK, { ...WORK, id: 'other' }]]) {
    const config = configOf(await plan({ user, bundle: [theirs] }), 'theirs')
    expect(config).toEqual({ default_model: 'gpt-5.4' })
  }
})
