import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadBundle, validateBundle } from '../../src/config/index.js'
import { messageOf, writeTree } from './support/tree.js'

const AGENT = (name: string) => `---\nmeta: {name: ${name}, description: does ${name}}\n---\nBe ${name}.\n`
const SECRET = 'aws_secret_access_key = canary\n'

describe('globs', () => {
  test('an include of agents names many files, in order, whatever a shell would do', async () => {
    const root = await writeTree({
      'bundle.md': '---\nincludes: ["parts/*.yaml"]\nagents: {include: ["agents/*.md", "more/*"]}\n---\n', 'agents/b.md': AGENT('b'), 'agents/a.md': AGENT('a'),
      'agents/.draft.md': AGENT('draft'), 'agents/notes.txt': 'x', 'more/c.md': AGENT('c'), 'parts/1.yaml': 'session: {x: 1, y: 1}', 'parts/2.yaml': 'session: {x: 2}',
    })
    const bundle = await loadBundle(root)
    expect(Object.keys(bundle.agents)).toEqual(['a', 'b', 'c'])
    expect(bundle.mountPlan).toMatchObject({ session: { x: 2, y: 1 } })
    expect(bundle.files.map((file) => file.slice(root.length + 1))).toEqual([
      'bundle.md', join('parts', '1.yaml'), join('parts', '2.yaml'), join('agents', 'a.md'), join('agents', 'b.md'), join('more', 'c.md'),
    ])
  })

  test('one that matches nothing is an error where it stands', async () => {
    const root = await writeTree({ 'b.yaml': 'agents:\n  include:\n    - agents/*.md\n' })
    expect(await messageOf(loadBundle(join(root, 'b.yaml')))).toBe(`ConfigurationError: ${root}/b.yaml:3:7: agents include: agents/*.md matches no file`)
  })

  test('many of them share one bound', async () => {
    const root = await writeTree({ 'b.yaml': `includes: [${'"d/**/*.yaml",'.repeat(400)}]`, ...Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`d/${at}.txt`, ''])) })
    const findings = await validateBundle(join(root, 'b.yaml'))
    expect(findings.filter(({ message }) => message.includes('leads through more than')).length).toBeGreaterThan(200)
  })
})

describe.skipIf(process.platform === 'win32')('a bundle reads nothing outside of its folder', () => {
  test.each<[string, string, (root: string) => Promise<void>]>([
    ['by ../', 'includes: ["../secret.md"]', async () => undefined],
    ['by thirty ../', `includes: ["${'../'.repeat(30)}etc/hosts.md"]`, async () => undefined],
    ['by a link to a file', 'includes: [guide.md]', (root) => symlink(join(root, 'secret.md'), join(root, 'repo', 'guide.md'))],
    ['by a relative link, as git keeps it', 'agents: {include: [guide.md]}', (root) => symlink('../secret.md', join(root, 'repo', 'guide.md'))],
    ['by a link to a link', 'includes: [guide.md]', async (root) => {
      await symlink('two.md', join(root, 'repo', 'guide.md'))
      await symlink('../secret.md', join(root, 'repo', 'two.md'))
    }],
    ['by a linked folder', 'includes: [docs/secret.md]', (root) => symlink('..', join(root, 'repo', 'docs'))],
    ['by a glob over a link', 'agents: {include: ["*s/*.md"]}', async (root) => {
      await mkdir(join(root, 'repo', 'agents'))
      await symlink('../../secret.md', join(root, 'repo', 'agents', 'x.md'))
    }],
    ['by a name of an agent', 'agents: {include: [x]}', async (root) => {
      await symlink('..', join(root, 'repo', 'agents'))
      await writeFile(join(root, 'x.md'), SECRET)
    }],
    ['by an include of an agent', 'agents: {helper: {include: "../secret.md"}}', async () => undefined],
  ])('%s', async (_, front, prepare) => {
    const root = await writeTree({ 'secret.md': SECRET, 'repo/bundle.md': `---\n${front}\n---\nHello.\n` })
    await prepare(root)
    const message = await messageOf(loadBundle(join(root, 'repo')))
    expect(message).toMatch(/repo\/bundle\.md:2:\d+: (agents )?includes?: .+outside of the bundle's folder/)
    expect(message).not.toContain('canary')
    const findings = await validateBundle(join(root, 'repo'))
    expect(JSON.stringify(findings)).not.toContain('canary')
  })

  test('nor is the bundle itself such a link, or one inside an included file', async () => {
    const root = await writeTree({ 'secret.md': SECRET, 'repo/a.yaml': 'includes: [sub/b.yaml]', 'repo/sub/b.yaml': 'includes: ["../../secret.md"]', 'repo/ok.yaml': 'includes: [sub/c.yaml]', 'repo/sub/c.yaml': 'includes: ["../d.yaml"]', 'repo/d.yaml': 'session: {x: 1}' })
    await symlink('../secret.md', join(root, 'repo', 'bundle.md'))
    expect(await messageOf(loadBundle(join(root, 'repo')))).toBe(
      `ConfigurationError: ${root}/repo/bundle.md:1:1: the file is a link to ${root}/secret.md, outside of its folder; name that file itself`)
    expect(await messageOf(loadBundle(join(root, 'repo', 'a.yaml')))).toContain(`leads to ${root}/secret.md, outside of the bundle's folder ${root}/repo`)
    expect((await loadBundle(join(root, 'repo', 'ok.yaml'))).mountPlan).toEqual({ session: { x: 1 } })
  })

  test('a link that stays inside is followed, and so is a linked bundle folder', async () => {
    const root = await writeTree({ 'repo/bundle.md': '---\nincludes: [link.yaml]\n---\n', 'repo/real/x.yaml': 'session: {x: 1}' })
    await symlink('real/x.yaml', join(root, 'repo', 'link.yaml'))
    await symlink('repo', join(root, 'alias'))
    for (const name of ['repo', 'alias']) expect((await loadBundle(join(root, name))).mountPlan).toEqual({ session: { x: 1 } })
  })
})
