/** What was shown to work against 0.1.0, driven through the Python package in real sessions of amplifier-core. Plans of a project: test/grpc/amplifier.test.ts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTwin, type Twin } from '../../src/twin/index.js'
import { buildCommandLine, preparePython } from '../support/amplifier-python.js'

const CHECKS: Readonly<Record<string, string>> = {
  what_lies_in_the_working_directory_is_not_read: '1, 2, 6: settings, bundles, links, packages and environment files of the working directory are not read',
  nothing_that_is_logged_or_refused_steers_a_terminal: '7: nothing that is logged or refused steers a terminal',
  redis_beyond_loopback_is_refused_without_tls: '8: Redis beyond loopback is refused without TLS, though the user says it, and its password is not shown',
  a_variable_that_never_ends_costs_no_time: '9: a variable that never ends costs no time',
  a_sign_in_serves_its_own_lane_issuer_and_user: '10: a sign-in serves its own lane, issuer and user, and an address shows no password',
}
const prepared = await preparePython()
if ('reason' in prepared) process.stderr.write(`skipped: ${prepared.reason}\n`)

describe.skipIf('reason' in prepared)('a real session of amplifier-core', () => {
  let twin: Twin
  let folder: string
  const failures = new Map<string, string | null>()

  beforeAll(async () => {
    twin = await startTwin()
    folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
    const tokens = join(folder, 'tokens.json')
    await writeFile(tokens, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
    const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokens, transport: 'sse', max_retries: 0 }
    const main = await buildCommandLine('threats')
    const child = spawn('python' in prepared ? prepared.python : '', [fileURLToPath(new URL('./amplifier_threats.py', import.meta.url)), JSON.stringify(config)], {
      stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, HOME: folder, USERPROFILE: folder, AMPLIFIER_CHATGPT_SIDECAR_COMMAND: JSON.stringify([process.execPath, main]) },
    })
    let said = ''
    child.stdout.on('data', (bytes: Buffer) => { said += String(bytes) })
    await once(child, 'close')
    for (const line of said.split('\n').filter(Boolean)) {
      const { check, failure } = JSON.parse(line) as { check: string; failure: string | null }
      failures.set(check, failure)
    }
  }, 400_000)

  afterAll(async () => {
    await twin.close()
    await rm(folder, { recursive: true, force: true })
  })

  test.each(Object.entries(CHECKS))('%s: %s', (check) => {
    expect(failures.has(check) ? failures.get(check) : 'the script ended before').toBeNull()
  })
})
