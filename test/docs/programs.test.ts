/** What the README and the pages say to type or to write, as processes of a user's: of the built package. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTwin, type Twin } from '../../src/twin/index.js'
import { pick, root } from './snippets.js'

const run = promisify(execFile)
const main = join(root, 'dist', 'cli', 'main.js')
const built = existsSync(main)
if (!built) console.info('programs.test.ts: dist/ is not built (npm run build), so nothing of the pages is run')

let folder: string
let twin: Twin
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-programs-'))
  twin = await startTwin({ deviceCode: { approveAfterPolls: 0, intervalSeconds: 1 } })
})
afterAll(async () => {
  await twin.close()
  await rm(folder, { recursive: true, force: true })
})

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

  test('the README\'s commands run as they stand', async () => {
    const home = await mkdtemp(join(folder, 'home-'))
    const token = join(home, 'oauth.json')
    await writeFile(token, JSON.stringify(twin.issueTokens()), { mode: 0o600 })
    const lines = pick('sh').filter(({ page }) => page === 'README.md').flatMap(({ text }) => text.split('\n')).map((line) => line.replace(/#.*/, '').trim())
    const commands = lines.filter((line) => line.startsWith('npx amplifier-chatgpt'))
    expect(commands.length).toBeGreaterThanOrEqual(3)
    for (const command of commands) {
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? (match[2] as string)).slice(2)
      await run(process.execPath, [main, ...words], { cwd: home, env: environment(home, token) })
    }
  }, 60_000)

  test.each(programs)('$page:$line runs as it stands', async ({ page, line, text }) => {
    const place = await installHere()
    const file = join(place, `${page.replaceAll(/\W/g, '-')}-${line}.mjs`)
    await writeFile(file, ts.transpileModule(text, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } }).outputText)
    const token = join(place, 'oauth.json')
    await writeFile(token, JSON.stringify(twin.issueTokens()), { mode: 0o600 })
    const { stdout, stderr } = await run(process.execPath, [file], { cwd: place, env: environment(place, token) })
    expect([stderr, stdout.trim()]).toEqual(['', expect.stringMatching(/\S/) as string])
  })
})

const environment = (home: string, token: string): NodeJS.ProcessEnv => ({
  ...process.env, HOME: home, USERPROFILE: home, AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl, AMPLIFIER_CHATGPT_ISSUER: twin.issuer, AMPLIFIER_CHATGPT_TOKEN_FILE: token,
})

/** A folder that has the package as an installation would. */
async function installHere(): Promise<string> {
  const place = await mkdtemp(join(folder, 'program-'))
  mkdirSync(join(place, 'node_modules'))
  symlinkSync(root, join(place, 'node_modules', 'amplifier-module-provider-openai-chatgpt'), 'junction')
  for (const name of ['ai', '@ai-sdk']) symlinkSync(join(root, 'node_modules', name), join(place, 'node_modules', name), 'junction')
  return place
}
