import { execFile } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const run = promisify(execFile)
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const built = existsSync(join(root, 'dist', 'index.js'))
if (!built) console.info('examples.test.ts: dist/ is not built (npm run build), so the examples skip')

const pages = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('README.md') && !name.includes('node_modules'))

/** What each example says when it has done its job. */
const LAST_WORDS: Readonly<Record<string, RegExp>> = {
  'examples/minimal/main.mjs': /role coding was served by gpt-/,
  'examples/orchestrator/main.mjs': /gpt-6\.1-sol gave way to gpt-5\.5[\s\S]*every agent had an answer/,
  'examples/conformance/main.mjs': /provider-openai-chatgpt: (\d+) of \1 checks passed/,
}

describe('the examples', () => {
  const commands = ['node examples/minimal/main.mjs', ...pages.flatMap((page) =>
    [...readFileSync(join(root, 'examples', page), 'utf8').matchAll(/^node (examples\/.*)$/gm)].map((match) => match[0]))]

  test.runIf(built).each([...new Set(commands)])('%s does its job', async (command) => {
    const [program, ...words] = command.split(' ').slice(1)
    const { stdout } = await run(process.execPath, [program as string, ...words], { cwd: root, timeout: 60_000 })
    expect(stdout).toMatch(LAST_WORDS[program as string] ?? /./)
  })

  test.each(pages)('the links of %s lead somewhere', (page) => {
    const text = readFileSync(join(root, 'examples', page), 'utf8')
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)].map((match) => match[1] as string)
    expect(targets.filter((target) => !existsSync(join(root, 'examples', dirname(page), target)))).toEqual([])
  })
})
