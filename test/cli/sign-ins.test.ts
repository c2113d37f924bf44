import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCommandLine, type CommandLine } from './support.js'

let cli: CommandLine
beforeAll(async () => { cli = await openCommandLine() })
afterAll(() => cli.close())

const CANARY = 'sk-canary-0123456789abcdef'
const json = (text: string) => JSON.parse(text) as Record<string, Record<string, unknown>>

/** What a person's browser does with the address that was shown. */
const visit = (text: string): void => {
  const [url] = /https?:\/\/\S+authorize\S*/.exec(text) ?? []
  if (url !== undefined) void fetch(url).catch(() => undefined)
}

test('one way to sign in at a time', async () => {
  expect((await cli.run(['login', '--browser', '--plan'])).code).toBe(2)
})

test('login --browser shows an address, and whoever opens it is signed in', async () => {
  const { code, stdout, stderr } = await cli.run(['login', '--browser', '--json'], { onStderr: visit })
  expect([code, stderr]).toEqual([0, expect.stringMatching(/authorize/)])
  expect(json(stdout)).toMatchObject({ lane: 'codex', account_id: cli.twin.accountId })
})

test('login --api-key checks the configured key and never prints it', async () => {
  const bare = await cli.run(['login', '--api-key'])
  expect(bare.code).toBeGreaterThan(0)
  expect(bare.stderr).toMatch(/api_key/)
  const { code, stdout } = await cli.run(['login', '--api-key', '--config', `api_key=${CANARY}`, '--base-url', cli.twin.apiBaseUrl])
  expect([code, stdout]).toEqual([0, expect.stringMatching(/lane api_key/)])
  expect((await cli.run(['status', '--lane', 'api_key', '--config', `api_key=${CANARY}`, '--base-url', cli.twin.apiBaseUrl])).stdout).toMatch(/metered/)
})

test('global options may stand before the command', async () => {
  const { code, stdout } = await cli.run(['--json', '--token-file', join(cli.home, 'none.json'), 'status'])
  expect([code, json(stdout).signed_in]).toEqual([3, false])
  await cli.run(['login'])
  const words = ['run', '--config', 'reasoning_effort=low', '--config', 'text_verbosity=low', 'two options']
  expect(await cli.run(words)).toMatchObject({ code: 0, stdout: 'You said: two options\n' })
  expect(cli.twin.responses().at(-1)?.body).toMatchObject({ reasoning: { effort: 'low' }, text: { verbosity: 'low' } })
})

test('under --json a failure is an object with its kind and exit code', async () => {
  cli.twin.enqueue({ status: 429, body: { error: { type: 'usage_limit_reached', message: 'gone', plan_type: 'plus', resets_in_seconds: 900 } } })
  const { code, stdout } = await cli.run(['run', 'x', '--json'])
  expect([code, json(stdout)]).toEqual([4, { error: expect.objectContaining({ type: 'QuotaExceededError', exit_code: 4 }) as unknown }])
  const signedOut = await cli.run(['run', 'x', '--json', '--token-file', join(cli.home, 'none.json')])
  expect([signedOut.code, json(signedOut.stdout)]).toEqual([3, { error: expect.objectContaining({ type: 'AuthenticationError', retryable: false }) as unknown }])
})

test('a failure names the next command', async () => {
  const { code, stderr } = await cli.run(['run', 'x', '--base-url', 'http://127.0.0.1:9/x', '--config', 'max_retries=0', '--issuer', 'http://127.0.0.1:9'])
  expect(code).toBeGreaterThan(2)
  expect(stderr).toMatch(/amplifier-chatgpt (login|doctor)/)
})

test('the sign-in of the Codex command line is taken in, and its file left as it is', async () => {
  const tokens = cli.twin.issueTokens()
  const file = join(cli.home, 'auth.json')
  const text = JSON.stringify({ tokens: { access_token: tokens.access_token, refresh_token: tokens.refresh_token, id_token: tokens.id_token, account_id: tokens.account_id } })
  await writeFile(file, text, { mode: 0o600 })
  const kept = join(cli.home, 'from-codex.json')
  expect((await cli.run(['import', '--codex', file, '--token-file', kept])).code).toBe(0)
  expect(await readFile(file, 'utf8')).toBe(text)
  expect((await cli.run(['status', '--token-file', kept])).code).toBe(0)
  expect(cli.printed()).not.toContain(tokens.access_token)
  expect(cli.printed()).not.toContain(tokens.refresh_token)
})

test('a key never shows, whatever fails with it', async () => {
  const file = join(cli.home, 'keyed.yaml')
  await writeFile(file, 'bundle:\n  name: keyed\nproviders:\n  - module: provider-other\n    config:\n      api_key: ' + CANARY + '\n      url: https://user:' + CANARY + '@example.test\n')
  const bad = join(cli.home, 'bad.json')
  await writeFile(bad, `{"access_token":"${CANARY}","refresh_token":"${CANARY}"`, { mode: 0o600 })
  const keyed = ['--lane', 'api_key', '--config', `api_key=${CANARY}`, '--base-url', cli.twin.apiBaseUrl]
  const commands = [
    ['bundle', 'show', file], ['bundle', 'show', file, '--json'], ['bundle', 'validate', file, '--json'],
    ['import', bad], ['import', '--codex', bad], ['status', '--token-file', bad], ['run', 'x', '--token-file', bad, '--json'], ['doctor', '--token-file', bad],
    ['run', 'x', ...keyed], ['models', ...keyed, '--json'], ['doctor', ...keyed], ['routing', 'show', ...keyed], ['export', join(cli.home, 'key.json'), ...keyed],
    ['run', 'x', '--base-url', `https://user:${CANARY}@example.test`], ['run', 'x', '--config', `access_token=${CANARY}`],
    ['logout', ...keyed],
  ]
  for (const words of commands) {
    cli.twin.enqueue({ status: 401, body: { error: { message: `Incorrect API key provided: ${CANARY}`, code: 'invalid_api_key' } }, match: () => words[0] === 'run' })
    const { stdout, stderr } = await cli.run(words)
    expect([words[0], words[1], (stdout + stderr).includes(CANARY)]).toEqual([words[0], words[1], false])
  }
})

test('doctor goes on where the upgrade is refused, and says so', async () => {
  const other = await openCommandLine({ websocket: false })
  await other.run(['login'])
  const { code, stdout } = await other.run(['doctor'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/websocket +warning/)
  expect(stdout).toMatch(/transport +ok +(HTTP|WebSocket): /)
  expect(await other.run(['run', 'over http'])).toMatchObject({ code: 0, stdout: 'You said: over http\n' })
  await other.close()
})

test('doctor sees a clock that is ten minutes off', async () => {
  const other = await openCommandLine({ now: () => Date.now() - 600_000 })
  const { stdout } = await other.run(['doctor', '--json'])
  const { findings } = JSON.parse(stdout) as { findings: { check: string; result: string; detail: string }[] }
  expect(findings.find(({ check }) => check === 'clock')).toMatchObject({ result: 'error', detail: expect.stringMatching(/60[0-2] s ahead/) as unknown })
  await other.close()
})

test('login --plan registers, opens the address and signs in to the plan lane', async () => {
  const { code, stdout } = await cli.run(['login', '--plan', '--json', '--token-file', join(cli.home, 'plan.json'), '--base-url', cli.twin.apiBaseUrl], { onStderr: visit })
  expect([code, json(stdout).lane]).toEqual([0, 'plan'])
})
