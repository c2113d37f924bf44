import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { startTwin } from '../../src/twin/index.js'

const run = promisify(execFile)
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const page = readFileSync(join(root, 'examples', 'ai-sdk', 'README.md'), 'utf8')
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1] as string)
const built = existsSync(join(root, 'dist', 'ai-sdk', 'index.js'))
if (!built) console.info('example.test.ts: dist/ai-sdk is not built (npm run build), so what runs the package skips')

describe('the page for the AI SDK', () => {
  test.runIf(built)('its command runs as it stands', async () => {
    const command = blocks('sh').join('').split('\n').find((line) => line.startsWith('node ')) as string
    const place = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-ai-sdk-example-'))
    try {
      await mkdir(join(place, 'node_modules'))
      await symlink(root, join(place, 'node_modules', 'amplifier-module-provider-openai-chatgpt'), 'junction')
      const { stdout } = await run(process.execPath, command.split(' ').slice(1), { cwd: place })
      expect(stdout).toContain('sunny in Bern')
      expect(stdout).toMatch(/role coding was served by gpt-\S+, 2 steps, \d+ tokens/)
    } finally {
      await rm(place, { recursive: true, force: true })
    }
  })

  test.runIf(built)('its program runs as it stands', async () => {
    const twin = await startTwin()
    const home = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-ai-sdk-page-'))
    try {
      const tokenFile = join(home, 'oauth.json')
      await writeFile(tokenFile, JSON.stringify(twin.issueTokens()), { mode: 0o600 })
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', blocks('js')[0] as string], {
        cwd: root,
        env: {
          ...process.env, HOME: home, USERPROFILE: home,
          AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl, AMPLIFIER_CHATGPT_ISSUER: twin.issuer, AMPLIFIER_CHATGPT_TOKEN_FILE: tokenFile,
        },
      })
      expect(stdout).toMatch(/Say hello\. \d+/)
    } finally {
      await twin.close()
      await rm(home, { recursive: true, force: true })
    }
  })
})
