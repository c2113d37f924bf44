import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { listOptionNames } from '../src/config/index.js'
import { EVENTS } from '../src/contract/index.js'
import * as errors from '../src/contract/errors.js'
import { providerConfigFields } from '../src/index.js'
import { KNOWN_ROLES, lintMatrix, validateMatrix } from '../src/routing/index.js'
import { startTwin, type Twin } from '../src/twin/index.js'

const run = promisify(execFile)
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const main = join(root, 'dist', 'cli', 'main.js')
const built = existsSync(main)
if (!built) console.info('readme.test.ts: dist/ is not built (npm run build), so what runs the package skips')

const snippets = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1] as string)

describe('the README', () => {
  let twin: Twin
  let home: string
  beforeAll(async () => {
    twin = await startTwin({ deviceCode: { approveAfterPolls: 0, intervalSeconds: 1 } })
    home = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-readme-'))
    await writeFile(join(home, 'oauth.json'), JSON.stringify(twin.issueTokens()), { mode: 0o600 })
  })
  afterAll(async () => {
    await twin.close()
    await rm(home, { recursive: true, force: true })
  })

  const environment = () => ({
    ...process.env,
    HOME: home,
    USERPROFILE: home,
    AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl,
    AMPLIFIER_CHATGPT_ISSUER: twin.issuer,
    AMPLIFIER_CHATGPT_TOKEN_FILE: join(home, 'oauth.json'),
  })

  test.runIf(built)('its program runs as it stands', async () => {
    for (const code of snippets('js')) {
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: root, env: environment() })
      expect(stdout).toContain('Hello!')
      expect(stdout.trim().split('\n').at(-1)).toMatch(/gpt-\d/)
    }
  })

  test.runIf(built)('its commands run as they stand', async () => {
    const lines = snippets('sh').join('').split('\n').map((line) => line.replace(/#.*/, '').trim())
    const commands = lines.filter((line) => line.startsWith('npx amplifier-chatgpt'))
    expect(commands.length).toBeGreaterThanOrEqual(3)
    for (const command of commands) {
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? (match[2] as string)).slice(2)
      await run(process.execPath, [main, ...words], { cwd: home, env: environment() })
    }
  })

  test('its two commands are scripts of the package', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    expect(snippets('sh').slice(0, 2)).toEqual(['npm ci && npm start\n', 'npm ci && npm test\n'])
    expect(scripts.start).toContain('demo')
    expect(scripts.test).toBeDefined()
  })

  test('its matrix passes lint without a word, and loads', async () => {
    const matrices = snippets('yaml')
    expect(matrices).toHaveLength(1)
    for (const text of matrices) {
      expect(await lintMatrix(text, { configFields: { 'openai-chatgpt': providerConfigFields } })).toEqual([])
      expect(() => validateMatrix(parse(text))).not.toThrow()
    }
  })

  test('its table of options lists what the schema has, with the same defaults', () => {
    const { properties } = JSON.parse(readFileSync(join(root, 'schemas/provider-config.schema.json'), 'utf8')) as {
      properties: Record<string, { default?: unknown }>
    }
    const rows = [...readme.matchAll(/^\| `(\w+)` \| (?:`(.*?)`)? ?\|/gm)].filter(([, name]) => name !== undefined && name in properties)
    const hostsOwn = new Set(['id', 'instance_id', 'name', 'source', 'module'])
    expect(rows.map(([, name]) => name)).toEqual(Object.keys(properties).filter((name) => !hostsOwn.has(name)))
    expect(listOptionNames().every((name) => name in properties)).toBe(true)
    for (const [, name, shown] of rows) {
      const standard = properties[name as string]?.default
      expect([name, shown]).toEqual([name, standard === undefined ? undefined : typeof standard === 'string' ? standard : JSON.stringify(standard)])
    }
  })

  test('it names every role, every event and every kind of error', () => {
    for (const role of KNOWN_ROLES) expect(readme).toContain(role)
    for (const event of Object.values(EVENTS)) expect(readme).toContain(`\`${event}\``)
    const kinds = Object.keys(errors).filter((name) => /^[A-Z]\w+Error$/.test(name) && name !== 'LLMError')
    for (const kind of kinds) expect(readme).toContain(`\`${kind}\``)
  })

  test('its links lead somewhere', () => {
    const targets = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)].map((match) => match[1] as string)
    expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([])
  })

  test('every dependency has its line', () => {
    const pack = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
    const names = [...Object.keys(pack.dependencies ?? {}), ...Object.keys(pack.optionalDependencies ?? {}), ...Object.keys(pack.peerDependencies ?? {})]
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([])
  })
})
