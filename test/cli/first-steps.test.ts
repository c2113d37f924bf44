import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { openCommandLine, type CommandLine } from './support.js'

const run = promisify(execFile)
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const built = existsSync(main)

let cli: CommandLine
beforeAll(async () => { cli = await openCommandLine() })
afterAll(() => cli.close())

const readSchema = async (name: string): Promise<object> => JSON.parse(await readFile(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8')) as object

describe('init', () => {
  test('writes settings that hold, are the schema\'s, and are for their user alone; a second time it leaves them', async () => {
    const { code, stdout } = await cli.run(['init'])
    const file = join(cli.home, '.amplifier', 'settings.yaml')
    expect([code, stdout]).toEqual([0, `${file} is written. Next: amplifier-chatgpt login\n`])
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600)
    const text = await readFile(file, 'utf8')
    const ajv = new Ajv2020({ strict: false, logger: false })
    ajv.addSchema(await readSchema('provider-config'))
    const validate = ajv.compile(await readSchema('settings'))
    expect([validate(parse(text)), validate.errors]).toEqual([true, null])
    expect(await cli.run(['routing', 'list'])).toMatchObject({ code: 0, stderr: '' })
    const again = await cli.run(['init'])
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining(`${file} is there already, and was left as it is`)])
    expect(await readFile(file, 'utf8')).toBe(text)
    expect((await cli.run(['init', '--print'])).stdout).toBe(text)
  })

  test('the schema of settings knows a wrong option', async () => {
    const ajv = new Ajv2020({ strict: false, logger: false })
    ajv.addSchema(await readSchema('provider-config'))
    const validate = ajv.compile(await readSchema('settings'))
    expect(validate({ config: { providers: [{ module: 'provider-openai-chatgpt', config: { max_retries: 'many' } }] } })).toBe(false)
    expect(validate({ config: { providers: [{ module: 'provider-other', config: { max_retries: 'many' } }] } })).toBe(true)
  })
})

describe('what stands in the wrong place or is misspelt', () => {
  test('is told of the top of a settings file, with its line, and has no effect', async () => {
    const other = await openCommandLine()
    onTestFinished(() => other.close())
    const file = join(other.home, '.amplifier', 'settings.yaml')
    await mkdir(join(other.home, '.amplifier'), { recursive: true })
    await writeFile(file, 'providers: []\ndefault_model: gpt-5.5\nroutin: {}\nmodules: {}\n')
    const { code, stderr } = await other.run(['routing', 'list'])
    expect([code, stderr.split('\n')]).toEqual([0, [
      `warning: ${file}:1:1: providers has no effect at the top of the file; it stands under config`,
      `warning: ${file}:2:1: the option default_model has no effect at the top of the file; it stands under config.providers[].config`,
      `warning: ${file}:3:1: routin has no effect; did you mean routing?`,
      '',
    ]])
  })

  test('an unknown option is told once, by a command that mounts too', async () => {
    const { stderr } = await cli.run(['routing', 'show', '--config', 'defalt_model=x'])
    expect(stderr.match(/did you mean default_model/g)).toHaveLength(1)
  })

  test('a role of an agent is told by bundle validate, one of run by its refusal', async () => {
    const file = join(cli.home, 'bundle.md')
    await writeFile(file, '---\nbundle: { name: x }\nagents:\n  one: { model_role: codng }\n  two: { model_role: [vision, mine] }\n---\n')
    expect((await cli.run(['bundle', 'validate', file])).stdout.split('\n')).toEqual([
      `warning ${file}:4:10: agents.one.model_role: the matrix has no role codng; did you mean coding?`,
      `warning ${file}:5:10: agents.two.model_role: the matrix has no role mine`,
      `${file}: 0 errors, 2 warnings`,
      '',
    ])
    expect((await cli.run(['login'])).code).toBe(0)
    const { code, stderr } = await cli.run(['run', 'hi', '--role', 'codding'])
    expect([code, stderr]).toEqual([2, "error NotFoundError: No candidate serves codding. The matrix has no role codding; did you mean coding? Run 'amplifier-chatgpt routing show' to see every role's candidates. [no_live_candidate]\n"])
  })
})

function hasShell(name: string): boolean {
  if (spawnSync(name, ['--version']).status === 0) return true
  process.stdout.write(`skipped: there is no ${name} to complete in\n`)
  return false
}

describe.skipIf(process.platform === 'win32')('completion', () => {
  test('bash completes commands, their own options, and what stands behind options', async () => {
    const { stdout, code } = await cli.run(['completion', 'bash'])
    expect(code).toBe(0)
    const complete = (...words: string[]) => {
      const script = `${stdout}\nCOMP_WORDS=(amplifier-chatgpt ${words.map((word) => `'${word}'`).join(' ')})\nCOMP_CWORD=${words.length}\n_amplifier_chatgpt\nprintf '%s\\n' "\${COMPREPLY[@]}"`
      const { stdout: found, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
      expect(stderr).toBe('')
      return found.trim().split('\n')
    }
    expect(complete('rou')).toEqual(['routing'])
    expect(complete('routing', 'l')).toEqual(['lint', 'list'])
    expect(complete('--json', 'routing', 'replay', '--pre')).toEqual(['--preset'])
  })

  test.skipIf(!hasShell('zsh'))('zsh completes the same', async () => {
    const { stdout } = await cli.run(['completion', 'zsh'])
    const complete = (...words: string[]) => {
      // zsh's own completion reads the keyboard; what it is told to choose from is what counts.
      const script = `compdef() { : }; _describe() { print -rl -- "\${(@P)2}" }\n${stdout}\nwords=(amplifier-chatgpt ${words.join(' ')} '')\nCURRENT=\${#words}\n_amplifier_chatgpt`
      const { stdout: found, stderr } = spawnSync('zsh', ['-f', '-c', script], { encoding: 'utf8' })
      expect(stderr).toBe('')
      return found.split('\n').map((line) => line.split(':')[0])
    }
    expect(complete()).toContain('routing')
    expect(complete('routing')).toEqual(expect.arrayContaining(['lint', 'list', 'replay']))
    expect(complete('--json', 'routing', 'replay')).toContain('--preset')
  })

  test.skipIf(!hasShell('fish'))('fish completes the same', async () => {
    const { stdout } = await cli.run(['completion', 'fish'])
    const complete = (line: string) => {
      const { stdout: found, stderr } = spawnSync('fish', ['--no-config', '-c', `${stdout}\ncomplete -C'amplifier-chatgpt ${line}'`], { encoding: 'utf8', env: { ...process.env, HOME: cli.home } })
      expect(stderr).toBe('')
      return found.trim().split('\n').map((one) => one.split('\t')[0])
    }
    expect(complete('rou')).toEqual(['routing'])
    expect(complete('routing l')).toEqual(['lint', 'list'])
    expect(complete('--json routing replay --pre')).toEqual(['--preset'])
  })

  test('zsh and fish have every command; another shell is refused', async () => {
    for (const shell of ['zsh', 'fish']) expect((await cli.run(['completion', shell])).stdout).toMatch(/replay[\s\S]*what a matrix would have done/)
    expect(await cli.run(['completion', 'fisch'])).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean fish?') as string })
  })
})

test.runIf(built && process.platform !== 'win32')('twin --background leads the other commands to a stand-in that ends when told to', async () => {
  const env = { ...process.env, HOME: cli.home }
  const { stdout } = await run('bash', ['-c', `eval "$('${process.execPath}' '${main}' twin --background)" && '${process.execPath}' '${main}' run "Say hello" && echo $AMPLIFIER_CHATGPT_TWIN_PID $AMPLIFIER_CHATGPT_TOKEN_FILE`], { env })
  const [answer, last = ''] = stdout.trim().split('\n')
  expect(answer).toBe('You said: Say hello')
  const [pid, file = ''] = last.split(' ')
  process.kill(Number(pid))
  await expect.poll(() => existsSync(file)).toBe(false)
})
