import { mkdir, symlink } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findFiles, hasWildcards, liesInside } from '../../src/documents/index.js'
import { writeTree } from '../config/support/tree.js'
import { measureCpu, MOST_CPU_MS } from './support.js'

const TREE = {
  'agents/b.md': '', 'agents/a.md': '', 'agents/c.yaml': '', 'agents/.hidden.md': '', 'agents/deep/d.md': '', 'other/e.md': '', '[x].md': '', 'x.md': '', '!a.md': '', '#b.md': '',
}

/** What a pattern finds below the folder, with slashes. */
async function find(root: string, pattern: string, kind: 'file' | 'folder' = 'file'): Promise<string[] | string> {
  const found = await findFiles(pattern, { cwd: root, kind })
  return 'problem' in found ? found.problem : found.files.map((file) => file.slice(root.length + 1).split(sep).join('/'))
}

describe('findFiles', () => {
  test.each([
    ['agents/*.md', ['agents/a.md', 'agents/b.md']],
    ['agents/**/*.md', ['agents/a.md', 'agents/b.md', 'agents/deep/d.md']],
    ['{agents,other}/?.md', ['agents/a.md', 'agents/b.md', 'other/e.md']],
    ['agents/[a-b].*', ['agents/a.md', 'agents/b.md']],
    ['agents/.*.md', ['agents/.hidden.md']],
    ['./agents/../other/*.md', ['other/e.md']],
    ['!*.md', ['!a.md']],
    ['#*.md', ['#b.md']],
    ['nothing/*.md', []],
    ['agents/*.toml', []],
  ])('%s finds %j, in order', async (pattern, expected) => {
    expect(await find(await writeTree(TREE), pattern)).toEqual(expected)
  })

  test('a path without wildcards, or a file of just that name, is answered as it is', async () => {
    const root = await writeTree(TREE)
    expect(await find(root, 'gone.md')).toEqual(['gone.md'])
    expect(await find(root, '[x].md')).toEqual(['[x].md'])
    expect(['a.md', 'a*.md', 'a?', '[a]', '{a,b}', '+(a)'].map(hasWildcards)).toEqual([false, true, true, true, true, true])
  })

  test('folders are found where folders are asked for, by an absolute pattern too', async () => {
    const root = await writeTree(TREE)
    expect(await find(root, '*', 'folder')).toEqual(['agents', 'other'])
    expect(await find(root, join(root, 'a*'), 'folder')).toEqual(['agents'])
  })

  test.skipIf(process.platform === 'win32')('a link to a folder is not entered, so that a circle ends', async () => {
    const root = await writeTree(TREE)
    await symlink(root, join(root, 'agents', 'circle'))
    expect(await find(root, '**/e.md')).toEqual(['other/e.md'])
  })

  test.each([
    ['too long', 'a'.repeat(1_000) + '*'], ['too many deep stars', '**/a/**/b/**/c'],
  ])('a pattern that is %s is refused', async (_, pattern) => {
    expect(await find(await writeTree(TREE), pattern)).toEqual(expect.any(String))
  })

  test('hostile patterns over hostile names cost little', async () => {
    const root = await writeTree(Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`${'a'.repeat(200)}${at}.md`, ''])))
    const patterns = [`${'*a'.repeat(100)}b.md`, `${'{a,b}'.repeat(60)}*.md`, '{1..1000000}*.md', `${'+(a|aa)'.repeat(60)}b`, `${'['.repeat(400)}*`, `**/${'*'.repeat(300)}/**`, `${'?'.repeat(900)}`, '{'.repeat(500)]
    for (const pattern of patterns) {
      const { cpuMs } = await measureCpu(() => find(root, pattern))
      expect(cpuMs, pattern).toBeLessThan(MOST_CPU_MS)
    }
  })

  test('a walk has an end: entries and depth are bounded', async () => {
    const root = await writeTree({})
    await mkdir(join(root, ...Array.from({ length: 40 }, () => 'd')), { recursive: true })
    expect(await find(root, '**/*.md')).toBe('**/*.md leads deeper than 32 folders')
    const budget = { values: 0, bytes: 0, entries: 5 }
    expect(await findFiles('d/**/*.md', { cwd: root, budget })).toEqual({ problem: expect.stringContaining('leads through more than') as unknown })
    expect(budget.entries).toBe(0)
  })
})

describe('liesInside', () => {
  test.skipIf(process.platform === 'win32')('follows links on both sides, also on the way to what does not exist', async () => {
    const root = await writeTree({ 'in/a.md': '', 'in/..b.md': '', 'out/c.md': '' })
    await symlink(join(root, 'out'), join(root, 'in', 'link'))
    await symlink(join(root, 'in'), join(root, 'alias'))
    const inside = (file: string, folder = 'in') => liesInside(join(root, file), join(root, folder))
    expect(await Promise.all([inside('in/a.md'), inside('alias/a.md'), inside('in/a.md', 'alias'), inside('in/gone/x.md'), inside('in/..b.md')])).toEqual([true, true, true, true, true])
    expect(await Promise.all([inside('out/c.md'), inside('in/link/c.md'), inside('in/link/gone.md'), inside('in/../out/c.md'), inside('.')])).toEqual([false, false, false, false, false])
  })
})
