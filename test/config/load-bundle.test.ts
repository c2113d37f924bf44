import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadBundle, originOf, validateBundle } from '../../src/config/index.js'
import { messageOf, writeTree } from './support/tree.js'

const fixtures = fileURLToPath(new URL('../fixtures/config/', import.meta.url))
const PROVIDER = 'provider-openai-chatgpt'

const PLAN = {
  session: { orchestrator: { module: 'loop-basic' } },
  providers: [{
    module: PROVIDER, source: 'git+https://example.com/provider',
    config: { default_model: 'gpt-5.5', max_retries: 2, timeout: '${DEMO_TIMEOUT:45}' },
  }],
  tools: [{ module: 'tool-echo', config: { root: '${DEMO_ROOT}' } }],
  hooks: [{ module: 'hooks-log' }],
  agents: {
    writer: { description: 'Writes it up', style: 'plain', model_role: ['writing', 'general'] },
    explorer: { name: 'explorer', description: 'Looks around', model_role: 'fast', instructions: 'Explore, then report.' },
    builder: {
      name: 'builder', description: 'Builds things', model_role: ['coding', 'general'],
      provider_preferences: [{ provider: 'openai-chatgpt', model: 'gpt-5.5' }], instructions: 'Build what you are asked for.',
    },
  },
}

describe('the three forms', () => {
  test.each(['bundle.md', 'bundle.yaml', 'bundle.toml'])('%s gives the same mount plan', async (name) => {
    const bundle = await loadBundle(join(fixtures, name))
    expect(bundle.mountPlan).toEqual(PLAN)
    expect(bundle.bundle).toMatchObject({ name: 'demo', version: '1.2.0' })
    expect(bundle.agents).toBe(bundle.mountPlan.agents)
    expect(bundle.warnings).toEqual([])
    expect(bundle.files.map((file) => file.slice(fixtures.length).replaceAll('\\', '/'))).toEqual([
      name, 'common.yaml', 'agents/explorer.md', 'agents/builder.md',
    ])
    expect(await validateBundle(join(fixtures, name))).toEqual([])
  })

  test('the Markdown body is the instructions, variables in it untouched', async () => {
    const { instructions } = await loadBundle(join(fixtures, 'bundle.md'))
    expect(instructions).toBe('You are the demo. Write ${PLACEHOLDERS} as they stand.\n\n- be brief')
    expect((await loadBundle(join(fixtures, 'bundle.toml'))).instructions).toBe('')
  })

  test('a folder stands for the bundle file in it', async () => {
    expect((await loadBundle(fixtures)).mountPlan).toEqual(PLAN)
  })

  test.each([['bundle.md', 14], ['bundle.yaml', 10], ['bundle.toml', 13]])('in %s a value knows its line and what it shadowed', async (name, line) => {
    const { mountPlan, origins } = await loadBundle(join(fixtures, name))
    const config = mountPlan.providers?.[0]?.config
    expect(originOf(config, 'timeout')).toMatchObject({ file: join(fixtures, name), line, whose: 'project' })
    expect(originOf(config, 'default_model')).toMatchObject({
      line: line - 1, shadowed: [{ file: join(fixtures, 'common.yaml'), line: 5, value: 'gpt-5.4' }],
    })
    expect(originOf(config, 'max_retries')).toMatchObject({ file: join(fixtures, 'common.yaml'), line: 6 })
    expect(origins['providers.0.config.timeout']).toBe(originOf(config, 'timeout'))
    expect(origins['agents.explorer.model_role']).toMatchObject({ file: join(fixtures, 'agents', 'explorer.md'), line: 5, column: 1 })
    expect(Object.keys(config ?? {})).not.toContain('Symbol(amplifier-chatgpt.origin)')
  })

  test('TOML entries in a list may use module, name or id', async () => {
    const root = await writeTree({
      'b.toml': '[[providers]]\nmodule = "provider-a"\n[providers.config]\nx = 1\n[[providers]]\nname = "openai-chatgpt"\nconfig = { use_streaming = true }\n[[providers]]\nid = "provider-b"\n',
    })
    const { mountPlan, bundle } = await loadBundle(join(root, 'b.toml'))
    expect(mountPlan.providers).toEqual([
      { module: 'provider-a', config: { x: 1 } }, { module: PROVIDER, config: { use_streaming: true } }, { module: 'provider-b' },
    ])
    expect(originOf(mountPlan.providers?.[0]?.config, 'x')).toMatchObject({ line: 4, column: 1 })
    expect(originOf(mountPlan.providers?.[1]?.config, 'use_streaming')).toMatchObject({ line: 7, column: 12 })
    expect(bundle.name).toBe('b')
  })
})

describe('includes', () => {
  test('are merged in order, the later wins, the including file wins over all', async () => {
    const root = await writeTree({
      'main.yaml': 'includes: [a.yaml, sub/b.yaml]\nsession: {x: main}\n',
      'a.yaml': 'session: {x: a, y: a, z: a, list: [1, 2]}\ntools: [{module: t, config: {k: a}}]\n',
      'sub/b.yaml': 'includes: [../c.md]\nsession: {y: b, list: [3]}\ntools: [{module: u}, {module: t, config: {m: b}}]\n',
      'c.md': '---\nsession: {y: c, w: c}\n---\nFrom c.\n',
    })
    const { mountPlan, instructions } = await loadBundle(join(root, 'main.yaml'))
    expect(mountPlan).toEqual({
      session: { x: 'main', y: 'b', z: 'a', w: 'c', list: [3] },
      tools: [{ module: 't', config: { k: 'a', m: 'b' } }, { module: 'u' }],
    })
    expect(instructions).toBe('From c.')
  })

  test('a file included on two ways is read once', async () => {
    const root = await writeTree({ 'a.yaml': 'includes: [b.yaml, c.yaml]', 'b.yaml': 'includes: [d.yaml]', 'c.yaml': 'includes: [d.yaml]', 'd.yaml': 'session: {}' })
    expect((await loadBundle(join(root, 'a.yaml'))).files).toHaveLength(4)
  })

  test('a cascade that doubles at each level is read in one go', async () => {
    const files: Record<string, string> = { 'f30.yaml': 'session: {x: 1}' }
    for (let i = 0; i < 30; i += 1) files[`f${i}.yaml`] = `includes: [f${i + 1}.yaml, f${i + 1}.yaml]`
    const root = await writeTree(files)
    expect((await loadBundle(join(root, 'f0.yaml'))).files).toHaveLength(31)
  })

  test('cycles are found and named', async () => {
    const root = await writeTree({ 'a.yaml': 'includes:\n  - b.yaml', 'b.yaml': 'includes: [c.yaml]', 'c.yaml': 'session: {}\nincludes:\n  - ./a.yaml' })
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toBe(
      `ConfigurationError: ${join(root, 'c.yaml')}:3:5: includes run in a circle: a.yaml → b.yaml → c.yaml → a.yaml`,
    )
  })

  test('a missing file names who includes it and where', async () => {
    const root = await writeTree({ 'a.yaml': 'bundle: {name: a}\nincludes:\n  - ./missing.yaml' })
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toBe(
      `ConfigurationError: ${join(root, 'a.yaml')}:3:5: includes ${join(root, 'missing.yaml')}, which doesn't exist`,
    )
  })

  test.each(['git+https://example.com/x@main', 'https://example.com/x.yaml', 'foundation:behaviors/x', 'git@example.com:x/y.git', 'file:///etc/x.yaml'])(
    '%s is remote and is not fetched',
    async (reference) => {
      const root = await writeTree({ 'a.yaml': `includes:\n  - bundle: "${reference}"` })
      const message = await messageOf(loadBundle(join(root, 'a.yaml')))
      expect(message).toContain(`${join(root, 'a.yaml')}:2:5: includes: ${reference} is remote`)
      expect(message).toContain('nothing is fetched')
    },
  )

  test.each([['/etc/passwd.yaml', 'not relative'], ['~/x.yaml', 'not relative'], ['C:\\x.yaml', 'not relative'], ['../.ssh/id_rsa', 'none of .md']])(
    '%s is refused',
    async (reference, reason) => {
      const root = await writeTree({ 'a.yaml': `includes: ['${reference}']\nagents: {include: ['${reference}/x.txt']}` })
      expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toContain(reason)
    },
  )

  test('a chain without end ends', async () => {
    const files: Record<string, string> = {}
    for (let i = 0; i < 60; i += 1) files[`f${i}.yaml`] = `includes: [f${i + 1}.yaml]`
    const root = await writeTree(files)
    expect(await messageOf(loadBundle(join(root, 'f0.yaml')))).toContain('deeper than 32 files')
  })
})

describe('agents', () => {
  test('a missing agent file names who includes it and where', async () => {
    const root = await writeTree({ 'a.yaml': 'agents:\n  include:\n    - nobody' })
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toContain(`${join(root, 'a.yaml')}:3:7: includes ${join(root, 'agents', 'nobody.md')}, which doesn't exist`)
  })

  test('an inline agent may take its base from a file', async () => {
    const root = await writeTree({ 'a.yaml': 'agents: {x: {include: x.md, model_role: coding}}', 'x.md': '---\nmodel_role: fast\ndescription: d\n---\nbody' })
    expect((await loadBundle(join(root, 'a.yaml'))).agents).toEqual({ x: { model_role: 'coding', description: 'd', instructions: 'body' } })
  })

  test('an agent file without front matter is its instructions', async () => {
    const root = await writeTree({ 'a.yaml': 'agents: {include: [x.md]}', 'x.md': '# Hello\n' })
    expect((await loadBundle(join(root, 'a.yaml'))).agents).toEqual({ x: { instructions: '# Hello' } })
  })

  test('an agent file of the wrong shape is named with line and column', async () => {
    const root = await writeTree({ 'a.yaml': 'agents: {include: [x.md]}', 'x.md': '---\nmeta:\n  name: x\n  model_role: 7\n---\n' })
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toContain(`${join(root, 'x.md')}:4:3: agents.x.meta.model_role must be a text or a list, found the number 7`)
  })
})

describe('schema errors', () => {
  test.each([
    ['providers: [7]', '1:13: providers[0] must be a mapping, found the number 7'],
    ['providers:\n  - config: {}', '2:5: providers[0] needs module or name or id'],
    ['tools: {}', '1:1: tools must be a list, found a mapping'],
    ['tools:\n  - module: t\n    config: 3', '3:5: tools[0].config must be a mapping, found the number 3'],
    ['agents:\n  x:\n    model_role: []', '3:5: agents.x.model_role must not be empty'],
    ['agents: [a]', '1:1: agents must be a mapping, found a list of 1 item'],
    ['bundle: {version: 1}', '1:1: bundle needs name'],
    ['bundle: demo', '1:1: bundle must be a mapping, found the text "demo"'],
    ['includes: {a: b}', '1:1: includes must be a list, found a mapping'],
    ['- a\n- b', '1:1: the file must be a mapping, found a list of 2 items'],
    ['just text', '1:1: the file must be a mapping, found the text "just text"'],
    ['routing: {overrides: {fast: 1}}', '1:23: routing.overrides.fast must be a mapping or a list, found the number 1'],
  ])('%j', async (text, expected) => {
    const root = await writeTree({ 'a.yaml': text })
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toBe(`ConfigurationError: ${join(root, 'a.yaml')}:${expected}`)
  })

  test('an empty file is an empty bundle with the file\'s name', async () => {
    const root = await writeTree({ 'empty.yaml': '', 'empty.md': '', 'empty.toml': '# nothing' })
    for (const name of ['empty.yaml', 'empty.md', 'empty.toml']) {
      expect(await loadBundle(join(root, name))).toMatchObject({ bundle: { name: 'empty' }, mountPlan: {}, instructions: '' })
    }
  })

  test('an id alone that adds to nothing names no module', async () => {
    const root = await writeTree({ 'a.yaml': 'providers:\n  - id: second\n    config: {}' })
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toContain('a.yaml:2:5: the entry second names no module')
  })

  test('an unknown key that looks like a slip warns, another passes into the plan', async () => {
    const root = await writeTree({ 'a.yaml': 'agent: {x: 1}\nspawn: {y: 2}' })
    const bundle = await loadBundle(join(root, 'a.yaml'))
    expect(bundle.warnings).toEqual([`${join(root, 'a.yaml')}:1:1: unknown key "agent"; did you mean agents?`])
    expect(bundle.mountPlan).toEqual({ agent: { x: 1 }, spawn: { y: 2 } })
  })
})

describe('validateBundle', () => {
  test('lists everything, errors first, each with its place', async () => {
    const root = await writeTree({
      'a.md': '---\nincludes: [b.yaml, nowhere.yaml]\nproviders:\n  - module: provider-openai-chatgpt\n    config:\n      timeout: soon\n      default_modle: x\n      base_url: https://evil.example\n---\n',
      'b.yaml': 'tools: 1',
    })
    const findings = await validateBundle(join(root, 'a.md'), { env: {} })
    expect(findings.map(({ severity, file, line, column, message }) => `${severity} ${file.slice(root.length + 1)}:${line}:${column} ${message.split(',')[0]}`)).toEqual([
      `error a.md:2:20 includes ${join(root, 'nowhere.yaml')}`,
      'error a.md:6:7 timeout must be a number of seconds from 0 up to 2147483',
      "error a.md:8:7 base_url may not be set by a project's files",
      'error b.yaml:1:1 tools must be a list',
      'warning a.md:7:7 unknown option "default_modle" has no effect; did you mean default_model?',
    ])
  })

  test('never throws, also for what is no file', async () => {
    const root = await writeTree({ 'dir/x': '' })
    expect(await validateBundle(join(root, 'none.yaml'))).toMatchObject([{ severity: 'error', message: "the file doesn't exist", line: 1 }])
    expect(await validateBundle(join(root, 'dir'))).toMatchObject([{ severity: 'error', message: 'the file is a folder, not a file' }])
  })
})
