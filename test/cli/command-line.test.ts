import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { VERSION } from '../../src/version.js'
import { openCommandLine, type CommandLine } from './support.js'

const parse = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>

describe('before anybody is signed in', () => {
  let cli: CommandLine
  beforeAll(async () => { cli = await openCommandLine() })
  afterAll(() => cli.close())

  test('help and version answer without anything else', async () => {
    const help = await cli.run(['--help'])
    expect(help.code).toBe(0)
    expect(help.stdout).toMatch(/Exit codes: 0 done/)
    expect(help.stdout).toMatch(/Examples:/)
    expect(await cli.run(['--version'])).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' })
    expect(parse(await readFile('package.json', 'utf8')).version).toBe(VERSION)
  })

  test('an unknown command, option or missing word is wrong usage', async () => {
    for (const words of [['frobnicate'], ['status', '--frobnicate'], ['run'], ['serve'], ['serve', '--http', '--model-map', 'opus'], ['routing', 'use']]) {
      const { code, stderr } = await cli.run(words)
      expect([words, code]).toEqual([words, 2])
      expect(stderr).not.toBe('')
    }
    expect((await cli.run(['stauts'])).stderr).toMatch(/status/)
  })

  test('status, models, run and doctor say how to sign in, and exit with 3', async () => {
    for (const words of [['status'], ['models'], ['run', 'hello'], ['doctor']]) {
      const { code, stdout, stderr } = await cli.run(words)
      expect([words, code]).toEqual([words, 3])
      expect(stdout + stderr).toMatch(/amplifier-chatgpt login/)
    }
    expect(parse((await cli.run(['status', '--json'])).stdout)).toMatchObject({ signed_in: false, state: 'missing' })
  })

  test('routing show and explain work all the same, every candidate unverified', async () => {
    const asked = cli.twin.requests.length
    const shown = await cli.run(['routing', 'show'])
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(/coding +gpt-6\.1-sol +high +gpt-\[0-9\]\*-sol unverified/) as string })
    expect(shown.stdout).toMatch(/Nobody is signed in: .*Run amplifier-chatgpt login/)
    const { roles, ...rest } = parse((await cli.run(['routing', 'show', '--json'])).stdout) as { roles: { role: string; status: string; candidates: { status: string }[] }[] }
    expect(rest).toEqual({ matrix: 'openai-chatgpt', signed_in: false, ok: true, problems: [] })
    expect(roles).toHaveLength(13)
    for (const { role, status } of roles) expect([role, status]).toEqual([role, 'unverified'])
    const explained = parse((await cli.run(['routing', 'explain', 'fast', '--json'])).stdout)
    expect(explained).toMatchObject({ role: 'fast', signed_in: false, resolved: { resolved_model: 'gpt-6-luna', status: 'unverified' } })
    expect(cli.twin.requests.length).toBe(asked)
  })

  test('accounts lists nobody', async () => {
    expect(await cli.run(['accounts'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/Nobody is signed in/) as string })
    expect(JSON.parse((await cli.run(['accounts', '--json'])).stdout)).toEqual([])
  })

  test('nothing ever asks for a device code by itself', () => {
    expect(cli.twin.requests.filter(({ path }) => path.includes('deviceauth'))).toEqual([])
  })
})

describe('signed in', () => {
  let cli: CommandLine
  beforeAll(async () => {
    cli = await openCommandLine()
    expect((await cli.run(['login'])).code).toBe(0)
  })
  afterAll(() => cli.close())

  test('login keeps a file of mode 600 and shows URL and code on stderr only', async () => {
    const { stdout, stderr, code } = await cli.run(['login', '--json'])
    expect(code).toBe(0)
    expect(stderr).toMatch(/codex\/device/)
    expect(parse(stdout)).toMatchObject({ lane: 'codex', account_id: cli.twin.accountId })
    if (process.platform !== 'win32') {
      expect((await stat(join(cli.home, '.amplifier', 'openai-chatgpt-oauth.json'))).mode & 0o777).toBe(0o600)
    }
  })

  test('run streams the text to stdout and nothing else', async () => {
    expect(await cli.run(['run', 'hello', 'there'])).toEqual({ code: 0, stdout: 'You said: hello there\n', stderr: '' })
    expect(await cli.run(['run', '-'], { stdin: 'from a pipe' })).toMatchObject({ code: 0, stdout: 'You said: from a pipe\n' })
    expect(await cli.run(['run', '--no-stream', 'whole'])).toMatchObject({ code: 0, stdout: 'You said: whole\n' })
  })

  test('run takes role, model, effort and system', async () => {
    await cli.run(['run', 'hello', '--role', 'critique'])
    expect(cli.twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-6.1-sol', reasoning: { effort: 'xhigh' } })
    await cli.run(['run', 'hello', '--model', 'gpt-5.5', '--effort', 'low', '--system', 'Be brief.'])
    expect(cli.twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-5.5', instructions: 'Be brief.', reasoning: { effort: 'low' } })
    expect((await cli.run(['run', 'x', '--role', 'fast', '--model', 'gpt-5.5'])).code).toBe(2)
  })

  test('run --json of an answer that broke off has what had come beside the error', async () => {
    cli.twin.enqueue({ text: 'half an answer', incomplete: 'content_filter' })
    const { stdout, code } = await cli.run(['run', 'hello', '--json'])
    expect([code, parse(stdout)]).toEqual([1, { error: expect.objectContaining({
      type: 'ContentFilterError', exit_code: 1, partial: expect.objectContaining({ content: [expect.objectContaining({ type: 'text', text: 'half an answer' })] }) as unknown,
    }) as unknown }])
  })

  test('run --json is the whole response with its route', async () => {
    const { stdout, code } = await cli.run(['run', 'hello', '--role', 'coding', '--json'])
    expect(code).toBe(0)
    expect(parse(stdout)).toMatchObject({ finish_reason: 'stop', metadata: { route: { role: 'coding', served_model: 'gpt-6.1-sol' } } })
  })

  test('failures of the service have exit codes of their own', async () => {
    expect((await cli.run(['run', 'x', '--model', 'no-such'])).code).toBe(2)
    cli.twin.enqueue({ status: 429, body: { error: { type: 'usage_limit_reached', message: 'gone', plan_type: 'plus', resets_in_seconds: 900 } } })
    expect((await cli.run(['run', 'x'])).code).toBe(4)
    cli.twin.enqueue({ text: 'a longer answer that is cut', cutAfterEvents: 6 })
    expect((await cli.run(['run', 'x'])).code).toBe(5)
  })

  test('models, routing show and explain agree on what serves', async () => {
    const models = JSON.parse((await cli.run(['models', '--json'])).stdout) as { id: string }[]
    const shown = parse((await cli.run(['routing', 'show', '--json'])).stdout) as { ok: boolean; roles: { role: string; resolved: { resolved_model: string } }[] }
    expect(shown.ok).toBe(true)
    expect(shown.roles).toHaveLength(13)
    for (const { resolved } of shown.roles) expect(models.map(({ id }) => id)).toContain(resolved.resolved_model)
    const explained = parse((await cli.run(['routing', 'explain', 'coding', '--json'])).stdout) as { resolved: { resolved_model: string } }
    expect(explained.resolved.resolved_model).toBe(shown.roles.find(({ role }) => role === 'coding')?.resolved.resolved_model)
    expect((await cli.run(['routing', 'explain', 'codign'])).stdout).toMatch(/did you mean coding/)
  })

  test('routing lint names line and column, and fails on errors only', async () => {
    expect((await cli.run(['routing', 'lint'])).code).toBe(0)
    const file = join(cli.home, 'bad.yaml')
    await writeFile(file, 'name: bad\ndescription: x\nroles:\n  general:\n    description: x\n    candidates:\n      - provider: openai-chatgpt\n')
    const { code, stdout } = await cli.run(['routing', 'lint', file])
    expect(code).toBe(1)
    expect(stdout).toMatch(/bad\.yaml:\d+:\d+: error/)
  })

  test('quoted globs reach lint and validate as they are, and each file has its findings', async () => {
    const folder = join(cli.home, 'many')
    await mkdir(folder)
    const matrix = 'name: m\nroles:\n  general: {description: g, candidates: [{provider: a, model: m}]}\n  fast: {description: f, candidates: []}\n'
    for (const name of ['one', 'two']) await writeFile(join(folder, `${name}.yaml`), matrix.replace('name: m', `name: ${name}`))
    for (const name of ['one', 'two']) await writeFile(join(folder, `${name}.md`), `---\nbundle: {name: ${name}}\n---\n`)
    const linted = parse((await cli.run(['routing', 'lint', join(folder, '*.yaml'), '--json'])).stdout) as unknown as { file: string; findings: { rule: string }[] }[]
    expect(linted.map(({ file, findings }) => [file, findings.map(({ rule }) => rule)])).toEqual([
      [join(folder, 'one.yaml'), ['empty-role']], [join(folder, 'two.yaml'), ['empty-role']],
    ])
    const { code, stdout } = await cli.run(['bundle', 'validate', join(folder, '{one,two}.md'), 'examples/minimal/bundle.md'])
    expect([code, stdout.match(/\.md: 0 errors/g)?.length]).toEqual([0, 3])
    const missing = await cli.run(['bundle', 'validate', join(folder, '*.toml')])
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('matches no file')])
  })

  test('routing list has each matrix once, with what it shadows', async () => {
    const folder = join(cli.home, '.amplifier', 'routing')
    await mkdir(folder, { recursive: true })
    const own = join(folder, 'openai.yaml')
    await writeFile(own, await readFile('routing/openai.yaml'))
    const shipped = (name: string) => join(process.cwd(), 'routing', `${name}.yaml`)
    expect(JSON.parse((await cli.run(['routing', 'list', '--json'])).stdout)).toEqual([
      { name: 'openai', file: own, active: false, shadows: [shipped('openai')] },
      { name: 'openai-chatgpt', file: shipped('openai-chatgpt'), active: true, shadows: [] },
    ])
    const { stdout } = await cli.run(['routing', 'list'])
    expect(stdout.match(/^\*? +openai /gm)).toHaveLength(1)
    expect(stdout).not.toContain('\u001b[')
    await rm(own)
  })

  test('tables fit a narrow terminal and keep every word; a pipe gets whole lines', async () => {
    const narrow = (await cli.run(['routing', 'show'], { tty: true, columns: 72, env: { NO_COLOR: '1' } })).stdout
    const wide = (await cli.run(['routing', 'show'])).stdout
    for (const line of narrow.split('\n')) expect(line.length, line).toBeLessThanOrEqual(72)
    const words = (text: string) => text.split(/\s+/).filter((word) => !word.includes('─')).sort()
    expect(words(narrow)).toEqual(words(wide))
    expect(wide.split('\n').length).toBeLessThan(narrow.split('\n').length)
  })

  test('lines fit a narrow terminal too, broken between words, but for a word that is wider than it', async () => {
    await cli.run(['run', 'hello'])
    const { stdout } = await cli.run(['status'], { tty: true, columns: 60, env: { NO_COLOR: '1' } })
    for (const line of stdout.split('\n')) if (!/\S{61}/.test(line)) expect(line.length, line).toBeLessThanOrEqual(60)
    expect(stdout).toMatch(/ %, resets/)
  })

  test('a matrix that names the modules that may serve it is served by our own mount', async () => {
    const file = join(cli.home, 'scoped.yaml')
    await writeFile(file, `provider_module_allowlist: [provider-openai-chatgpt]\n${await readFile('routing/openai.yaml', 'utf8')}`)
    expect((await cli.run(['routing', 'show', '--matrix', file])).stdout).toMatch(/fast +gpt-6-luna +medium/)
    expect((await cli.run(['run', 'hello', '--role', 'fast', '--config', `matrix=${file}`])).code).toBe(0)
    expect(cli.twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-6-luna' })
  })

  test('routing use writes the setting, keeps comments, and is in force', async () => {
    const folder = join(cli.home, '.amplifier')
    await mkdir(join(folder, 'routing'), { recursive: true })
    await writeFile(join(folder, 'routing', 'mine.yaml'), [
      'name: mine', 'description: my own', 'updated: 2026-11-20', 'roles:',
      ...['general', 'fast'].flatMap((role) => [`  ${role}:`, '    description: x', '    candidates:', '      - { provider: openai-chatgpt, model: gpt-5.4 }']), '',
    ].join('\n'))
    await writeFile(join(folder, 'settings.yaml'), '# keep me\nrouting:\n  matrix: openai-chatgpt # and me\n')
    expect((await cli.run(['routing', 'use', 'mine'])).code).toBe(0)
    const text = await readFile(join(folder, 'settings.yaml'), 'utf8')
    expect(text).toMatch(/# keep me\nrouting:\n  matrix: mine/)
    await cli.run(['run', 'hello', '--role', 'general'])
    expect(cli.twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-5.4' })
    expect((await cli.run(['routing', 'use', 'no-such'])).code).toBe(2)
    await cli.run(['routing', 'use', 'openai-chatgpt'])
  })

  test('status shows the quota as bars once it is known', async () => {
    await cli.run(['run', 'hello'])
    const { stdout } = await cli.run(['status'])
    expect(stdout).toMatch(/codex +5 h [█░]{20} +\d+ %/)
    expect(parse((await cli.run(['status', '--json'])).stdout)).toMatchObject({ signed_in: true, plan: 'plus', quota: [{ limit_id: 'codex', window_minutes: 300 }, {}] })
  })

  test('status says that a sign-in has ended whose refresh was refused for good', async () => {
    const path = String(cli.env.AMPLIFIER_CHATGPT_TOKEN_FILE)
    const before = await readFile(path, 'utf8')
    cli.twin.invalidateRefreshToken((JSON.parse(before) as { refresh_token: string }).refresh_token)
    cli.twin.expireAccessTokens()
    expect((await cli.run(['run', 'hello'])).code).toBe(3)
    const { code, stdout } = await cli.run(['status'])
    expect([code, stdout]).toEqual([3, expect.stringMatching(/not refreshed any more[^]*refused +the sign-in has ended: .*refresh_token_invalidated.* Run amplifier-chatgpt login/)])
    await writeFile(path, JSON.stringify({ ...(JSON.parse(before) as object), ...cli.twin.issueTokens() }))
    expect((await cli.run(['status'])).code).toBe(0)
  })

  test('doctor walks the whole way and names every role', async () => {
    const { code, stdout } = await cli.run(['doctor', '--json'])
    const report = JSON.parse(stdout) as { ok: boolean; findings: { check: string; result: string }[] }
    expect([code, report.ok]).toEqual([0, true])
    expect(report.findings.filter(({ check }) => check.startsWith('role '))).toHaveLength(13)
    for (const check of ['clock', 'dns', 'network', 'sign-in', 'plan', 'catalog', 'websocket']) {
      expect(report.findings).toContainEqual(expect.objectContaining({ check, result: 'ok' }))
    }
  })

  test('a settings file that cannot be read is an error with file and line, and a bundle says what settings replace', async () => {
    const file = join(cli.home, '.amplifier', 'settings.yaml')
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, 'routing:\n\tmatrix: mine\n')
    const broken = await cli.run(['routing', 'show'])
    expect([broken.code, broken.stderr]).toEqual([2, expect.stringContaining('settings.yaml:2:1: a tab cannot indent YAML; use spaces. Mend the file, or move it away') as string])
    await writeFile(file, 'routing:\n  matrix: openai\n')
    const bundle = join(cli.home, 'routed.yaml')
    await writeFile(bundle, 'bundle: {name: routed}\nrouting: {matrix: openai-chatgpt}\n')
    expect((await cli.run(['bundle', 'show', bundle])).stdout).toMatch(/in a session from here routing\.matrix is openai, by .*settings\.yaml:2: settings count before a bundle/)
    await writeFile(file, '')
  })

  test('doctor says that the file of certificates cannot be used, as a call would', async () => {
    const file = join(cli.home, 'no-such.pem')
    const { stdout } = await cli.run(['doctor', '--json', '--config', `ca_file=${file}`])
    const { findings } = JSON.parse(stdout) as { findings: unknown[] }
    expect(findings).toContainEqual({ check: 'certificates', result: 'error', detail: expect.stringContaining(`the CA bundle ${file} cannot be read`) as unknown })
  })

  test('a port that another program has is named with the way out', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const port = String((taken.address() as AddressInfo).port)
    try {
      for (const command of [['serve', '--http'], ['twin']]) {
        const { code, stderr } = await cli.run([...command, '--port', port])
        expect([code, stderr]).toEqual([2, expect.stringContaining(`port ${port} of 127.0.0.1 is taken by another program: end it, or take another with --port`)])
      }
    } finally {
      taken.close()
    }
  })

  test('a bundle is shown with the line of every value, and validated', async () => {
    const { stdout } = await cli.run(['bundle', 'show', 'examples/minimal/bundle.md'])
    expect(stdout).toMatch(/reasoning_summary +auto +.*bundle\.md:\d+/)
    expect((await cli.run(['bundle', 'validate', 'examples/minimal/bundle.md'])).code).toBe(0)
    const file = join(cli.home, 'evil.yaml')
    await writeFile(file, 'bundle:\n  name: evil\nproviders:\n  - module: provider-openai-chatgpt\n    config:\n      base_url: https://evil.example\n')
    const { code, stdout: findings } = await cli.run(['bundle', 'validate', file])
    expect(code).toBe(2)
    expect(findings).toMatch(/evil\.yaml:6:\d+: .*base_url/)
    expect((await cli.run(['run', 'x', '--bundle', file])).code).toBe(2)
  })

  test('a sign-in can be carried to another machine and ended here', async () => {
    const file = join(cli.home, 'carried.json')
    expect((await cli.run(['export', file])).code).toBe(0)
    expect((await cli.run(['export', file])).code).not.toBe(0)
    expect((await cli.run(['logout'])).stdout).toMatch(/ended/)
    expect((await cli.run(['status'])).code).toBe(3)
    await cli.run(['login'])
    const other = join(cli.home, 'other.json')
    expect((await cli.run(['export', other])).code).toBe(0)
    expect((await cli.run(['import', other])).code).toBe(0)
    expect((await cli.run(['import', join(cli.home, 'nothing.json')])).code).not.toBe(0)
  })

  test('named accounts have sign-ins of their own', async () => {
    const env = { AMPLIFIER_CHATGPT_TOKEN_FILE: '' }
    expect((await cli.run(['login', '--account', 'work'], { env })).code).toBe(0)
    expect((await cli.run(['status', '--account', 'work', '--json'], { env })).stdout).toMatch(/"account": "work"/)
    expect((await cli.run(['status', '--account', 'nobody'], { env })).code).toBe(3)
  })

  test('no colour reaches a pipe, and no token reaches anything', async () => {
    const held = parse(await readFile(join(cli.home, '.amplifier', 'openai-chatgpt-oauth.json'), 'utf8'))
    expect(cli.printed()).not.toContain('\u001b[')
    for (const key of ['access_token', 'refresh_token', 'id_token']) expect(cli.printed()).not.toContain(held[key])
    expect(cli.printed()).not.toMatch(/eyJ[\w-]{20}/)
  })
})

test('the demo does the whole job and exits with 0', async () => {
  const cli = await openCommandLine()
  const { code, stdout } = await cli.run(['demo'])
  await cli.close()
  expect(code).toBe(0)
  for (const part of ['Signed in: account', 'critical-ops', 'tool read_file', 'llm:response', 'done in']) expect(stdout).toContain(part)
})
