import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { describeCommands } from '../../src/cli/describe-commands.js'
import { loadSettings, resolveOptions, validateBundle } from '../../src/config/index.js'
import { providerConfigFields } from '../../src/index.js'
import { lintMatrix, parsePreset } from '../../src/routing/index.js'
import { startTwin, type Twin } from '../../src/twin/index.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const built = existsSync(join(root, 'dist', 'index.js'))
if (!built) console.info('pages.test.ts: dist/ is not built (npm run build), so the pages\' programs are not run')

const under = (folder: string) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
const pages = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'python/README.md', ...under('docs'), ...under('examples')]
  .filter((name) => name.endsWith('.md') && !name.includes('node_modules') && existsSync(join(root, name)))

interface Snippet {
  page: string
  line: number
  language: string
  /** what it is, where its language alone doesn't say: settings, bundle, matrix, preset, program */
  kind: string
  text: string
}

const snippets: Snippet[] = pages.flatMap((page) => {
  const whole = readFileSync(join(root, page), 'utf8')
  return [...whole.matchAll(/^```(\w+) ?(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    page, line: whole.slice(0, match.index).split('\n').length, language: match[1] as string, kind: match[2] ?? '', text: match[3] as string,
  }))
})
const pick = (language: string, ...kinds: string[]) => snippets.filter((snippet) => snippet.language === language && (kinds.length === 0 || kinds.includes(snippet.kind)))

/** Python and mount plans of other hosts: run where that host is. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'docs/containers.md dockerfile': 'test/docs/containers.test.ts', 'docs/containers.md yaml': 'test/docs/containers.test.ts', 'docs/fleet.md yaml': 'test/docs/containers.test.ts',
  'docs/clients/langchain.md python': 'test/clients', 'docs/clients/codex.md toml': 'test/clients', 'docs/hosts/amplifier.md yaml': 'test/grpc/amplifier.test.ts',
}

let folder: string
let twin: Twin
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-pages-'))
  twin = await startTwin()
})
afterAll(async () => {
  await twin.close()
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

describe.runIf(built)('programs on the pages', () => {
  const programs = pick('ts', 'program')

  test('all of them compile as a user would have them', async () => {
    const place = await installHere()
    const files = await Promise.all(programs.map(async ({ page, line, text }) => {
      const file = join(place, `${page.replaceAll(/\W/g, '-')}-${line}.mts`)
      await writeFile(file, text)
      return file
    }))
    const compilerOptions = {
      strict: true, noEmit: true, skipLibCheck: true, target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext',
      types: ['node'], typeRoots: [join(root, 'node_modules', '@types')], preserveSymlinks: true,
    }
    await writeFile(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
    const told = await run(process.execPath, [join(root, 'node_modules', 'typescript-native', 'bin', 'tsc'), '-p', place], { cwd: place }).catch(({ stdout, message }: { stdout: string; message: string }) => ({ stdout: stdout || message }))
    expect(told.stdout).toBe('')
  })

  test.each(programs)('$page:$line runs as it stands', async ({ page, line, text }) => {
    const place = await installHere()
    const file = join(place, `${page.replaceAll(/\W/g, '-')}-${line}.mjs`)
    await writeFile(file, ts.transpileModule(text, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } }).outputText)
    const token = join(place, 'oauth.json')
    await writeFile(token, JSON.stringify(twin.issueTokens()), { mode: 0o600 })
    const { stdout, stderr } = await run(process.execPath, [file], {
      cwd: place,
      env: { ...process.env, HOME: place, USERPROFILE: place, AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl, AMPLIFIER_CHATGPT_ISSUER: twin.issuer, AMPLIFIER_CHATGPT_TOKEN_FILE: token },
    })
    expect([stderr, stdout.trim()]).toEqual(['', expect.stringMatching(/\S/) as string])
  })
})

/** A folder that has the package as an installation would. */
async function installHere(): Promise<string> {
  const place = await mkdtemp(join(folder, 'program-'))
  mkdirSync(join(place, 'node_modules'))
  symlinkSync(root, join(place, 'node_modules', 'amplifier-module-provider-openai-chatgpt'), 'junction')
  for (const name of ['ai', '@ai-sdk']) symlinkSync(join(root, 'node_modules', name), join(place, 'node_modules', name), 'junction')
  return place
}
