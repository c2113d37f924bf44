import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { describeCommands } from '../../src/cli/describe-commands.js'
import { loadSettings, resolveOptions, validateBundle } from '../../src/config/index.js'
import { providerConfigFields } from '../../src/index.js'
import { lintMatrix, parsePreset } from '../../src/routing/index.js'
import { pages, pick, root, snippets } from './snippets.js'

/** Python and mount plans of other hosts: run where that host is. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'docs/containers.md dockerfile': 'test/docs/containers.test.ts', 'docs/containers.md yaml': 'test/docs/containers.test.ts', 'docs/fleet.md yaml': 'test/docs/containers.test.ts',
  'docs/clients/langchain.md python': 'test/clients', 'docs/clients/codex.md toml': 'test/clients', 'docs/hosts/amplifier.md yaml': 'test/grpc/amplifier.test.ts',
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-pages-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

test('every snippet is of a kind that a test looks at', () => {
  const known = /^(sh|js|ts program|yaml (settings|bundle|matrix|preset)|toml bundle)$/
  const others = snippets.filter(({ page, language, kind }) => !known.test(`${language} ${kind}`.trim()) && !(`${page} ${language}` in ELSEWHERE))
  expect(others.map(({ page, line, language, kind }) => `${page}:${line} ${language} ${kind}`)).toEqual([])
})

describe('settings, bundles and matrices on the pages', () => {
  test.each(pick('yaml', 'settings'))('$page:$line is read without a word', async ({ text }) => {
    const home = await mkdtemp(join(folder, 'home-'))
    mkdirSync(join(home, '.amplifier'))
    await writeFile(join(home, '.amplifier', 'settings.yaml'), text)
    const settings = await loadSettings(folder, { home, env: {} })
    expect(settings.warnings).toEqual([])
    expect(settings.providers.length).toBeGreaterThan(0)
    for (const { config = {} } of settings.providers) expect(resolveOptions(config, { env: {} }).warnings).toEqual([])
  })

  test.each([...pick('yaml', 'bundle'), ...pick('toml', 'bundle')])('$page:$line is a bundle without findings', async ({ text, language }) => {
    const file = join(await mkdtemp(join(folder, 'bundle-')), `bundle.${language}`)
    await writeFile(file, text)
    expect(await validateBundle(file, { env: {} })).toEqual([])
  })

  test.each(pick('yaml', 'matrix'))('$page:$line passes lint', async ({ text }) => {
    expect(await lintMatrix(text, { configFields: { 'openai-chatgpt': providerConfigFields } })).toEqual([])
  })

  test.each(pick('yaml', 'preset'))('$page:$line is a preset', ({ text }) => {
    expect(parsePreset(parse(text) as Record<string, unknown>)).toBeDefined()
  })
})

describe('commands on the pages', () => {
  const terminal = { stdout: process.stdout, stderr: process.stderr, stdin: process.stdin, env: {} }
  const program = describeCommands(terminal, () => Promise.resolve())
  const lines = pick('sh').flatMap(({ page, line, text }) => text.replaceAll('\\\n', ' ').split('\n').map((command, index) => ({ at: `${page}:${line + 1 + index}`, command })))
    .concat(pages.flatMap((page) => [...readFileSync(join(root, page), 'utf8').matchAll(/`((?:npx )?amplifier-chatgpt [^`\n]+)`/g)].map((match) => ({ at: page, command: match[1] as string }))))
  const ours = lines.flatMap(({ at, command }) => [...command.replace(/(^|\s)#.*/, '').matchAll(/\bamplifier-chatgpt( [^|)>&;]*)/g)].map((match) => ({ at, words: wordsOf(match[1] as string) })))

  test('there are some', () => expect(ours.length).toBeGreaterThan(40))

  test('each is one of the program, with options that it has', () => {
    expect(ours.map(({ at, words }) => [at, words.join(' '), findWrongWord(program, words)]).filter(([, , wrong]) => wrong !== undefined)).toEqual([])
  })

  test('the command line\'s page names every command', () => {
    const page = readFileSync(join(root, 'docs', 'command-line.md'), 'utf8')
    expect(program.commands.map((command) => command.name()).filter((name) => !page.includes(`\`${name}`) && !page.includes(`${name} --`))).toEqual([])
  })
})

function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"?|'([^']*)'?|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? '')
}

/** The word that the program doesn't have; undefined where all are right. */
function findWrongWord(program: Command, words: readonly string[]): string | undefined {
  let command = program
  const parents: Command[] = [program]
  let given = 0
  for (const word of words) {
    if (word === '…' || /^[A-Z]+$/.test(word)) continue
    if (word.startsWith('-') && word !== '-') {
      const flag = word.split('=')[0]
      if (['--help', '--version'].includes(flag as string)) continue
      if (!parents.some((one) => one.options.some(({ long, short }) => long === flag || short === flag))) return word
      continue
    }
    const next = given === 0 ? command.commands.find((one) => one.name() === word) : undefined
    if (next) parents.push((command = next))
    else if (command.commands.length > 0 && given === 0 && !parents.some((one) => one.options.some(({ required }) => required))) return word
    else given++
  }
  return undefined
}

describe('links on the pages', () => {
  test.each(pages)('of %s lead somewhere, to a heading where they name one', (page) => {
    const text = readFileSync(join(root, page), 'utf8')
    const targets = [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map((match) => match[1] as string)
    const broken = targets.filter((target) => {
      const [path = '', heading] = target.split('#')
      const file = path === '' ? join(root, page) : join(root, dirname(page), path)
      if (!existsSync(file)) return true
      return heading !== undefined && !listHeadings(readFileSync(file, 'utf8')).includes(heading)
    })
    expect(broken).toEqual([])
  })
})

const listHeadings = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => (title as string).toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-'))
