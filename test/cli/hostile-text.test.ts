import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCommandLine, type CommandLine } from './support.js'

/** Writes the clipboard, erases the row, moves to its start, then the same with the one-byte forms of C1. */
const HOSTILE = '\u001b]52;c;cm0gLXJm\u0007\u001b[2K\rgood\u009b31m\u009d0;title\u009c\u007f\u0008'
const OWN_COLOURS = new RegExp(`${String.fromCharCode(27)}\\[(?:1|2|22|31|32|33|39)m`, 'g')
const controls = (text: string): string[] => [...new Set(text.replace(OWN_COLOURS, '').match(/\p{Cc}/gu) ?? [])].filter((found) => found !== '\n' && found !== '\t')

let cli: CommandLine
beforeAll(async () => {
  cli = await openCommandLine()
  expect((await cli.run(['login'])).code).toBe(0)
})
afterAll(() => cli.close())

async function runClean(words: string[], expected: { code: number; words: string }, options: { tty?: boolean; env?: NodeJS.ProcessEnv } = {}): Promise<void> {
  const { code, stdout, stderr } = await cli.run(words, { tty: true, ...options })
  expect([words, code, stdout + stderr]).toEqual([words, expected.code, expect.stringContaining(expected.words)])
  expect([words, controls(stdout), controls(stderr)]).toEqual([words, [], []])
}

describe('what others wrote is shown on a terminal, not obeyed', () => {
  test("a model's text, streamed in pieces of any size and printed whole", async () => {
    for (const deltaChars of [1, 2, 7, 1000]) {
      cli.twin.enqueue({ text: `before ${HOSTILE} after`, deltaChars })
      await runClean(['run', 'x'], { code: 0, words: 'before ␛]52;c;cm0gLXJm␇␛[2Kgood\ufffd31m' })
    }
    cli.twin.enqueue({ text: `before ${HOSTILE} after` })
    await runClean(['run', 'x', '--no-stream'], { code: 0, words: 'before ␛]52' })
  })

  test("a model's text reaches a pipe as it came", async () => {
    for (const flags of [[], ['--no-stream']]) {
      cli.twin.enqueue({ text: `before ${HOSTILE} after` })
      expect((await cli.run(['run', 'x', ...flags])).stdout).toBe(`before ${HOSTILE} after\n`)
    }
  })

  test('JSON says the same text without a raw control character', async () => {
    cli.twin.enqueue({ text: HOSTILE })
    const { stdout } = await cli.run(['run', 'x', '--json'])
    expect(controls(stdout)).toEqual([])
    expect(JSON.parse(stdout)).toMatchObject({ content: [{ type: 'text', text: HOSTILE }] })
  })

  test("the server's own words about a failure", async () => {
    cli.twin.enqueue({ status: 400, body: { error: { type: 'invalid_request_error', message: `no ${HOSTILE}\nerror: all is well` } } })
    await runClean(['run', 'x'], { code: 2, words: 'error: all is well' })
  })

  test('the command line itself', async () => {
    await runClean([`frob${HOSTILE}`], { code: 2, words: 'frob␛]52' })
    await runClean(['run', 'x', '--config', HOSTILE], { code: 2, words: '--config' })
    await runClean(['bundle', 'show', `/nowhere/${HOSTILE}.yaml`], { code: 2, words: '␛' })
    await runClean(['--account', HOSTILE, 'status'], { code: 2, words: 'account' }, { env: { AMPLIFIER_CHATGPT_TOKEN_FILE: '' } })
  })

  test('names, keys and values of a bundle and a matrix', async () => {
    const yaml = JSON.stringify(HOSTILE)
    const file = join(cli.home, 'hostile.yaml')
    await writeFile(file, `bundle: {name: ${yaml}}\nproviders:\n  - {module: provider-x, id: ${yaml}, config: {${yaml}: ${yaml}}}\n  - {module: provider-openai-chatgpt, config: {${yaml}: 1, default_model: ${yaml}}}\n`)
    await runClean(['bundle', 'show', file], { code: 0, words: '␛]52' })
    await runClean(['bundle', 'validate', file], { code: 0, words: 'hostile.yaml' })
    await runClean(['run', 'x', '--bundle', file, '--model', 'gpt-5.5'], { code: 0, words: 'unknown option' })
    const refused = join(cli.home, 'refused.yaml')
    await writeFile(refused, `bundle: {name: x}\nproviders:\n  - {module: provider-openai-chatgpt, config: {base_url: ${yaml}}}\n`)
    await runClean(['bundle', 'validate', refused], { code: 2, words: 'base_url' })
    const matrix = join(cli.home, 'matrix.yaml')
    await writeFile(matrix, `name: ${yaml}\ndescription: ${yaml}\nroles:\n  ${yaml}:\n    description: x\n    candidates:\n      - {provider: ${yaml}, model: ${yaml}}\n`)
    await runClean(['routing', 'lint', matrix], { code: 1, words: '␛]52' })
  })

  test("settings of the project's folder, and the names of the account's models", async () => {
    await mkdir(join(cli.home, '.amplifier'), { recursive: true })
    await writeFile(join(cli.home, '.amplifier', 'settings.yaml'), `${JSON.stringify(HOSTILE)}: 1\nrouting: {matrix: ${JSON.stringify(HOSTILE)}}\n`)
    await runClean(['routing', 'show'], { code: 2, words: 'error' })
    await writeFile(join(cli.home, '.amplifier', 'settings.yaml'), '')
    const [model] = JSON.parse((await cli.run(['models', '--json'])).stdout) as { id: string }[]
    expect(model?.id).toBeDefined()
  })

  test('a colour of somebody else is none of ours', async () => {
    const { stderr } = await cli.run(['bundle', 'show', '/nowhere/\u001b[32mall is well\u001b[39m'], { tty: true })
    expect(stderr).toContain('\u001b[31merror\u001b[39m')
    expect(stderr).toContain('␛[32mall is well␛[39m')
  })
})
