import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildMountPlan, loadBundle, loadSettings, originOf, resolveOptions } from '../../src/config/index.js'
import { refusalOfSettings } from './support/refusal.js'
import { writeTree } from './support/tree.js'

const USER = 'home/.amplifier/settings.yaml'
const PROJECT = 'work/.amplifier/settings.yaml'
const LOCAL = 'work/.amplifier/settings.local.yaml'

async function load(files: Record<string, string>, options: { session?: string } = {}) {
  const root = await writeTree({ 'work/.keep': '', ...files })
  const settings = await loadSettings(join(root, 'work'), {
    home: join(root, 'home'), ...(options.session === undefined ? {} : { sessionFile: join(root, options.session) }),
  })
  return { root, settings }
}

describe('which files, in which order', () => {
  test('user, project, local, session: the later wins, mappings merge deeply, lists replace', async () => {
    const { root, settings } = await load({
      [USER]: 'a: {user: 1, all: user, list: [1, 2]}\nconfig: {other: {x: 1}}',
      [PROJECT]: 'a: {project: 1, all: project, list: [3]}',
      [LOCAL]: 'a: {local: 1, all: local}',
      'session.yaml': 'a: {session: 1, all: session}\nconfig: {other: {y: 2}}',
    }, { session: 'session.yaml' })
    expect(settings.values).toEqual({
      a: { user: 1, project: 1, local: 1, session: 1, all: 'session', list: [3] }, config: { other: { x: 1, y: 2 } },
    })
    expect(settings.files).toEqual([
      { file: join(root, USER), trusted: true, status: 'read' }, { file: join(root, PROJECT), trusted: false, status: 'read' },
      { file: join(root, LOCAL), trusted: false, status: 'read' }, { file: join(root, 'session.yaml'), trusted: true, status: 'read' },
    ])
    expect(originOf(settings.values['a'], 'all')).toEqual({
      file: join(root, 'session.yaml'), line: 1, column: 17, whose: 'user',
      shadowed: [
        { file: join(root, LOCAL), line: 1, whose: 'project', value: 'local' }, { file: join(root, PROJECT), line: 1, whose: 'project', value: 'project' }, { file: join(root, USER), line: 1, whose: 'user', value: 'user' },
      ],
    })
  })

  test('no file at all is no news', async () => {
    const { settings } = await load({})
    expect(settings).toMatchObject({ providers: [], routing: {}, values: {}, warnings: [] })
    expect(settings.files.map((file) => file.status)).toEqual(['absent', 'absent', 'absent'])
  })

  test('folders above the working directory are not searched', async () => {
    const { settings } = await load({ '.amplifier/settings.yaml': 'a: 1' })
    expect(settings.values).toEqual({})
  })

  test('the home folder comes from the environment where none is given', async () => {
    const root = await writeTree({ [USER]: 'a: 1', 'work/x': '' })
    expect((await loadSettings(join(root, 'work'), { env: { HOME: join(root, 'home') } })).values).toEqual({ a: 1 })
  })

  test('in the home folder itself the files are the user\'s own and read once', async () => {
    const root = await writeTree({ '.amplifier/settings.yaml': 'config: {providers: [{module: provider-openai-chatgpt, config: {base_url: "https://gw.example"}}]}', '.amplifier/settings.local.yaml': 'a: 1' })
    const settings = await loadSettings(root, { home: root })
    expect(settings.files.map(({ trusted, status }) => [trusted, status])).toEqual([[true, 'read'], [true, 'read']])
    expect(settings.providers[0]?.config).toEqual({ base_url: 'https://gw.example' })
  })

  test.skipIf(process.platform === 'win32')('a link to the user\'s folder is the user\'s folder', async () => {
    const root = await writeTree({ 'home/.amplifier/settings.yaml': 'a: 1' })
    await mkdir(join(root, 'work'))
    await symlink(join(root, 'home', '.amplifier'), join(root, 'work', '.amplifier'))
    expect((await loadSettings(join(root, 'work'), { home: join(root, 'home') })).files.every((file) => file.trusted)).toBe(true)
  })

  test('a session file inside the working directory is the project\'s, one in the user\'s folder below it is not', async () => {
    const { settings } = await load({ 'work/s.yaml': 'a: 1' }, { session: 'work/s.yaml' })
    expect(settings.files.at(-1)).toMatchObject({ trusted: false })
    const root = await writeTree({ '.amplifier/projects/s.yaml': 'a: 1' })
    const files = (await loadSettings(root, { home: root, sessionFile: join(root, '.amplifier', 'projects', 's.yaml') })).files
    expect(files.at(-1)).toMatchObject({ trusted: true })
  })
})

test('keys under routing that mean nothing are told with file and line, in settings and in bundles', async () => {
  const { root, settings } = await load({ [USER]: 'routing:\n  matirx: economy\n  overrides: {}\n  default_role: fast' })
  expect(settings.warnings).toEqual([
    `${join(root, USER)}:2:3: routing.matirx has no effect; did you mean matrix?`,
    `${join(root, USER)}:4:3: routing.default_role has no effect; routing takes matrix and overrides`,
  ])
  const folder = await writeTree({ 'bundle.yaml': 'bundle: {name: b}\nrouting:\n  overides: {fast: []}' })
  expect((await loadBundle(join(folder, 'bundle.yaml'))).warnings).toEqual([`${join(folder, 'bundle.yaml')}:3:3: routing.overides has no effect; did you mean overrides?`])
})

describe('malformed files', () => {
  test.each([
    ['a: [1', 'settings.yaml:1:'], ['a:\n\tb: 1', '2:1: a tab'], ['a: 1\na: 2', '2:1: the key "a" stands here twice'], ['- 1', '1:1: settings must be a mapping'],
    ['config: 3', '1:1: config must be a mapping, found the number 3'], ['x: 1\nconfig: {providers: 3}', '2:10: config.providers must be a list'],
    ['routing: [a]', '1:1: routing must be a mapping'],
  ])('%j is skipped with a warning, the others stay in force', async (text, expected) => {
    const { settings } = await load({ [USER]: 'good: 1', [PROJECT]: text, [LOCAL]: 'also: 2' })
    expect(settings.values).toEqual({ good: 1, also: 2 })
    expect(settings.warnings).toHaveLength(1)
    expect(settings.warnings[0]).toContain(expected)
    expect(settings.warnings[0]).toContain('the file is skipped')
    expect(settings.files[1]).toMatchObject({ status: 'skipped', problem: expect.stringContaining(expected) as string })
  })

  test('a folder in a file\'s place is skipped with a warning', async () => {
    const { settings } = await load({ 'home/.amplifier/settings.yaml/x': '' })
    expect(settings.warnings[0]).toContain('is a folder, not a file')
  })

  test('an empty file says nothing', async () => {
    const { settings } = await load({ [USER]: '# nothing\n', [PROJECT]: 'config:\nrouting:\n' })
    expect(settings).toMatchObject({ providers: [], routing: {}, values: {}, warnings: [] })
  })
})

describe('providers', () => {
  test('are merged across files by id, else module', async () => {
    const { root, settings } = await load({
      [USER]: 'config:\n  providers:\n    - module: provider-openai-chatgpt\n      config: {default_model: gpt-5.5, timeout: 60}\n    - module: provider-openai-chatgpt\n      id: second\n      source: here\n      config: {priority: 5}',
      [PROJECT]: 'config:\n  providers:\n    - id: second\n      config: {timeout: 7}\n    - module: provider-openai-chatgpt\n      config: {timeout: 90}\n    - module: provider-other',
    })
    expect(settings.providers).toEqual([
      { module: 'provider-openai-chatgpt', config: { default_model: 'gpt-5.5', timeout: 90 } },
      { module: 'provider-openai-chatgpt', id: 'second', source: 'here', config: { priority: 5, timeout: 7 } },
      { module: 'provider-other' },
    ])
    expect(originOf(settings.providers[0]?.config, 'timeout')).toMatchObject({
      file: join(root, PROJECT), line: 6, whose: 'project', shadowed: [{ file: join(root, USER), line: 4, value: 60 }],
    })
    expect(originOf(settings.providers[0]?.config, 'default_model')).toMatchObject({ whose: 'user' })
  })

  test('an empty config in a later file wipes nothing out', async () => {
    const { settings } = await load({
      [USER]: 'config: {providers: [{module: provider-openai-chatgpt, config: {timeout: 60}}]}', [PROJECT]: 'config: {providers: [{module: provider-openai-chatgpt, config: }]}',
    })
    expect(settings.providers[0]?.config).toEqual({ timeout: 60 })
  })

  test('an id that adds to nothing is left out with a warning', async () => {
    const { root, settings } = await load({ [USER]: 'config:\n  providers:\n    - id: ghost\n      config: {}' })
    expect(settings.providers).toEqual([])
    expect(settings.warnings).toEqual([`${join(root, USER)}:3:7: the provider ghost names no module and adds to no other; it is left out`])
  })

  test('a shadowed secret is not kept', async () => {
    const { settings } = await load({
      [USER]: 'config: {providers: [{module: provider-openai-chatgpt, config: {api_key: sk-canary-1, redis_url: "redis://:canary@h"}}]}',
      'session.yaml': 'config: {providers: [{module: provider-openai-chatgpt, config: {api_key: sk-2, redis_url: "redis://b"}}]}',
    }, { session: 'session.yaml' })
    expect(JSON.stringify(originOf(settings.providers[0]?.config, 'api_key')) + JSON.stringify(originOf(settings.providers[0]?.config, 'redis_url'))).not.toContain('canary')
  })
})

describe('from settings to the mount', () => {
  const BUNDLE = 'bundle: {name: b}\nproviders:\n  - module: provider-openai-chatgpt\n    config: {default_model: gpt-5.4, use_streaming: maybe}\n'

  test('settings win over the bundle, and a wrong value is named with the file it came from', async () => {
    const { root, settings } = await load({ [USER]: 'config: {providers: [{module: provider-openai-chatgpt, config: {default_model: gpt-5.5}}]}', 'b.yaml': BUNDLE })
    const plan = buildMountPlan({ bundle: await loadBundle(join(root, 'b.yaml')), settings })
    const config = plan.providers?.[0]?.config
    expect(config).toEqual({ default_model: 'gpt-5.5', use_streaming: 'maybe' })
    expect(originOf(config, 'default_model')?.shadowed).toEqual([{ file: join(root, 'b.yaml'), line: 4, whose: 'project', value: 'gpt-5.4' }])
    expect(() => resolveOptions(config, { env: {} })).toThrow(`use_streaming must be true or false, found the text "maybe" (${join(root, 'b.yaml')}:4:38)`)
    // A spread loses the origin, never the check.
    expect(() => resolveOptions({ ...config }, { env: {} })).toThrow('(in the mount config)')
  })

  test('routing settings become options of our provider where it sets none itself', async () => {
    const { root, settings } = await load({
      [USER]: 'routing:\n  matrix: mine\n  overrides:\n    fast: [base]\n    coding: [base]',
      [PROJECT]: 'routing:\n  overrides:\n    fast: [{provider: openai-chatgpt, model: gpt-5.4-mini}]\nconfig:\n  providers: [{module: provider-openai-chatgpt}, {module: provider-openai-chatgpt, id: two, config: {matrix: other}}, {module: provider-else}]',
    })
    const plan = buildMountPlan({ settings })
    const overrides = { fast: [{ provider: 'openai-chatgpt', model: 'gpt-5.4-mini' }], coding: ['base'] }
    expect(plan).toEqual({
      providers: [
        { module: 'provider-openai-chatgpt', config: { matrix: 'mine', routing_overrides: overrides } },
        { module: 'provider-openai-chatgpt', id: 'two', config: { matrix: 'other', routing_overrides: overrides } },
        { module: 'provider-else' },
      ],
    })
    const config = plan.providers?.[0]?.config
    expect(originOf(config, 'matrix')).toMatchObject({ file: join(root, USER), line: 2 })
    expect(originOf(config?.['routing_overrides'], 'fast')).toMatchObject({ file: join(root, PROJECT), line: 3 })
    expect(resolveOptions(config, { env: {} }).options).toMatchObject({ matrix: 'mine', routingOverrides: overrides })
  })

  test('a bundle\'s routing ranks below the settings\'', async () => {
    const { root, settings } = await load({ [USER]: 'routing: {matrix: mine}', 'b.yaml': `${BUNDLE}routing: {matrix: theirs, overrides: {fast: [base]}}` })
    const plan = buildMountPlan({ bundle: await loadBundle(join(root, 'b.yaml')), settings })
    expect(plan.providers?.[0]?.config).toMatchObject({ matrix: 'mine', routing_overrides: { fast: ['base'] } })
    expect(plan).not.toHaveProperty('routing')
  })

  test('the user\'s own folder of matrices is searched where no option names folders', async () => {
    const files = { 'home/.amplifier/routing/mine.yaml': '', [PROJECT]: 'config:\n  providers: [{module: provider-openai-chatgpt}]' }
    const { root, settings } = await load(files)
    const config = buildMountPlan({ settings }).providers?.[0]?.config
    expect(config).toEqual({ custom_routing_dirs: [join(root, 'home', '.amplifier', 'routing')] })
    expect(resolveOptions(config, { env: {} }).options.customRoutingDirs).toEqual([join(root, 'home', '.amplifier', 'routing')])
    const { settings: own } = await load({ ...files, [USER]: 'config: {providers: [{module: provider-openai-chatgpt, config: {custom_routing_dirs: [/x]}}]}' })
    expect(buildMountPlan({ settings: own }).providers?.[0]?.config).toEqual({ custom_routing_dirs: ['/x'] })
  })

  test('nothing in, nothing out', () => expect(buildMountPlan({})).toEqual({}))
})

test("a project's settings file that leads out of its folder is not read", async () => {
  const root = await writeTree({ 'outside/secret.yaml': 'routing: {matrix: secret-of-another-file}', 'work/x': '' })
  await mkdir(join(root, 'work/.amplifier'))
  await symlink('../../outside/secret.yaml', join(root, 'work/.amplifier/settings.yaml'))
  const settings = await loadSettings(join(root, 'work'), { home: join(root, 'home') })
  expect([settings.routing, settings.files[1]?.status]).toEqual([{}, 'skipped'])
  expect(settings.warnings).toEqual([`${join(root, PROJECT)} is a link that leads out of ${join(root, 'work')}; the file is skipped`])
})

test('a project that oversteps is refused, also when other files are fine', async () => {
  const files = { [USER]: 'a: 1', [PROJECT]: 'config:\n  providers:\n    - module: provider-openai-chatgpt\n      config:\n        issuer: https://evil.example' }
  const root = await writeTree(files)
  expect(await refusalOfSettings(join(root, 'work'), join(root, 'home'))).toContain(`${join(root, PROJECT)}:5:9: issuer may not be set by a project's files`)
})
