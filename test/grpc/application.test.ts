/**
 * The Amplifier application's own ways of calling a provider. Where its code is at hand it does the calling:
 * `AMPLIFIER_APPLICATION_PYTHON=/path/to/python` of an environment that has amplifier-app-cli, amplifier-module-loop-streaming
 * and our package, whose source here counts; else `amplifier_application.py` says again what we need of it.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { startTwin } from '../../src/twin/index.js'
import { buildCommandLine, preparePython } from '../support/amplifier-python.js'

const here = dirname(fileURLToPath(import.meta.url))
const CHECKS: Readonly<Record<string, string>> = {
  provider_add_finds_the_class_and_asks_its_fields: 'finds the class and the fields of its form, with nothing started (amplifier provider add)',
  provider_models_lists_in_a_loop_of_its_own_each_time: 'lists models in an event loop of its own each time (amplifier provider models, amplifier provider test)',
  provider_test_in_a_session_takes_no_time: 'tests the mounted provider within the 15 s that a session gives it (/provider test)',
  the_status_line_shows_model_and_priority: 'shows model and priority of the mounted provider (/provider)',
  of_two_providers_the_lower_priority_is_asked: 'asks the provider of the lower priority, and the one that a role has pinned',
  six_delegated_agents_log_under_their_own_sessions: 'logs the events of six agents at once under their own sessions',
  a_turn_with_a_tool_shows_in_events_as_displays_read_them: 'has in its events what displays read',
  cancel_ends_the_turn_and_its_events: 'ends the turn and its events where the user cancels',
  cost_is_summed_where_there_is_one_and_left_out_where_not: 'contributes the session\'s cost where there is one',
  login_tells_its_callback_where_to_go_and_the_next_call_is_signed_in: 'signs in through a callback of the host',
  a_throttle_event_reads_as_a_warning: 'warns of throttling in words',
}
interface Outcome { check: string; failure: string | null }

const prepared = await preparePython()
const python = process.env.AMPLIFIER_APPLICATION_PYTHON ?? ('python' in prepared ? prepared.python : '')
if (python === '' && 'reason' in prepared) process.stderr.write(`skipped: ${prepared.reason}\n`)

describe.skipIf(python === '')('the Amplifier application', () => {
  const run = async (): Promise<Map<string, string | null>> => {
    const twin = await startTwin({ deviceCode: { approveAfterPolls: 0, intervalSeconds: 1 } })
    const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
    try {
      twin.enqueue({ text: 'a long answer', deltaChars: 1, stallAfterEvents: 8, match: ({ body }) => JSON.stringify(body ?? '').includes('please stall') })
      const tokens = join(folder, 'tokens.json')
      await writeFile(tokens, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
      const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokens, transport: 'sse', max_retries: 0 }
      // Objects that are made from an empty config have the account from the user's environment.
      const env = {
        ...process.env, HOME: folder, AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl, AMPLIFIER_CHATGPT_ISSUER: twin.issuer, AMPLIFIER_CHATGPT_TOKEN_FILE: tokens,
        AMPLIFIER_CHATGPT_SIDECAR_COMMAND: JSON.stringify([process.execPath, await buildCommandLine('application')]),
        ...(process.env.AMPLIFIER_APPLICATION_PYTHON ? { PYTHONPATH: join(here, '..', '..', 'python') } : {}),
      }
      const { stdout } = await promisify(execFile)(python, [join(here, 'amplifier_application.py'), JSON.stringify(config), folder], { env, timeout: 240_000 })
      const [said, ...outcomes] = stdout.trim().split('\n').map((line) => JSON.parse(line) as unknown)
      process.stderr.write(`its own code: ${JSON.stringify(said)}\n`)
      return new Map((outcomes as Outcome[]).map(({ check, failure }) => [check, failure]))
    } finally {
      await twin.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
  let running: ReturnType<typeof run> | undefined

  test.each(Object.entries(CHECKS))('%s: %s', async (check) => {
    expect((await (running ??= run())).get(check)).toBeNull()
  }, 250_000)
})
