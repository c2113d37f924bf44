import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTwin, type Twin } from '../../src/twin/index.js'
import { KERNELS, buildCommandLine, preparePython } from '../support/amplifier-python.js'

interface Outcome { check: string; failure: string | null; seconds: number }

const CHECKS: Readonly<Record<string, string>> = {
  session_answers_with_a_tool_call: 'answers a prompt with a tool call, its events in order with streamed deltas',
  events_come_in_order_while_the_answer_does: "puts events on the session's hooks in order, while the answer comes",
  kernel_validation_passes: "passes the kernel's own provider validation",
  models_and_info_come_across: 'shows models and info',
  merged_config_of_a_spawn_is_in_effect: "has a spawn's merged config in effect",
  thinking_keeps_its_provenance: 'keeps the provenance of thinking',
  a_checkpoint_stands_for_a_history: 'makes a checkpoint of a history and sends it back in its place, or fails typed',
  errors_are_the_kernels_own: "raises the kernel's own errors",
  a_role_stands_for_a_model: 'takes role:NAME for a model where a matrix is in force, and says where none is',
  errors_say_what_may_have_run: 'says of each failure whether the request may have run, its request id and what had come, and calls none of those retryable',
  killed_sidecar_gives_a_typed_error_and_comes_back: 'raises a StreamError that says that the call may have run where the sidecar is killed, and the next call works',
  a_hundred_calls_at_once_and_a_stalled_one: 'answers 99 calls at once while another stalls',
  large_prompts_and_images_pass_or_say_why_not: 'takes a prompt of 1 MB and an image of 5 MB, and says what is too large',
  six_sessions_share_one_sidecar_under_their_own_ids: 'serves six agents at once with one sidecar, each event under its own session',
  a_further_session_mounts_in_little_time_and_memory: 'mounts a further session without another start, and in under 2 MB',
  the_class_serves_an_application_that_gives_a_config_alone: 'serves an application that constructs the class with its config alone',
  one_sidecar_serves_the_machine_where_the_user_runs_one: 'is served by the one sidecar of the machine where the user runs one, and finds it again after a restart',
  a_config_that_changes_is_in_force_at_the_next_call: 'has a changed config in force at the next call',
  what_a_role_pin_writes_counts_as_far_as_a_project_may_set_it: 'takes what a role pin writes as far as a project may set it',
  the_config_that_hosts_see_holds_no_secret: 'shows hosts no secret of its config, nor lets them write to the plan',
  a_plan_may_name_no_program: 'takes no program to run from a mount plan',
  a_plan_that_is_not_the_hosts_own_sets_no_endpoint: "lets a plan set endpoints where the user's own settings say the same, and nowhere else",
  a_hostile_plan_reaches_no_server_and_runs_no_program: 'lets the plan of a project reach no server of its own, read no file and run no program, in calls and in sign-ins',
  warnings_of_the_sidecar_are_logged: 'logs what the sidecar warns of',
  odd_values_pass_or_fail_typed: 'takes half characters, paths and numbers without a form, or fails typed',
  a_forked_child_is_told_why_it_has_no_provider: 'tells a forked child why it has no provider, which gRPC would end without a word',
  a_call_that_is_closed_under_is_ended: 'ends a call whose provider is closed while it waits for its mount',
  cancelling_ends_the_call: 'ends a call that is cancelled, and frees the upstream socket within 250 ms',
  an_immediate_cancel_ends_a_call_by_itself: 'ends a call whose session is cancelled at once, also where the host triggers no callbacks',
  a_cancel_while_a_first_call_starts_sends_nothing: 'sends nothing where the session is cancelled while a first call starts',
  cleanup_twice_leaves_no_process: 'leaves no process after two cleanups',
  many_mounts_leave_no_orphan: 'leaves no orphan after many mounts',
}
const run = promisify(execFile)
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const PAGE = readFileSync(join(root, 'docs', 'hosts', 'amplifier.md'), 'utf8')
const built = existsSync(join(root, 'dist', 'cli', 'main.js'))
const script = join(dirname(fileURLToPath(import.meta.url)), 'amplifier_session.py')
const kernels = await Promise.all(KERNELS.map(async (version) => ({ version, prepared: await preparePython(version) })))
for (const { prepared } of kernels) if ('reason' in prepared) process.stderr.write(`skipped: ${prepared.reason}\n`)

const main = kernels.some(({ prepared }) => 'python' in prepared) ? await buildCommandLine('session') : ''

for (const { version, prepared } of kernels) describe.skipIf('reason' in prepared)(`a real session of amplifier-core ${version}`, () => {
  let twin: Twin
  let activity: Server
  let folder: string
  let finished: Promise<unknown>
  const outcomes = new Map<string, Promise<Outcome>>()

  beforeAll(async () => {
    twin = await startTwin()
    activity = createServer((_request, response) => response.end(JSON.stringify(twin.activity()))).listen(0, '127.0.0.1')
    await once(activity, 'listening')
    const says = (word: string) => (request: { body: unknown }) => JSON.stringify(request.body ?? '').includes(word)
    for (let count = 0; count < 6; count++) twin.enqueue({ text: 'a long answer', deltaChars: 1, stallAfterEvents: 8, match: says('please stall') })
    twin.enqueue({ text: 'half of this is lost', cutAfterEvents: 9, match: says('please break off') })
    twin.enqueue({ status: 500, body: {}, match: says('please fail') })
    twin.enqueue({ status: 429, body: { error: { type: 'rate_limit_exceeded', message: 'slow' } }, match: says('please wait a moment') })
    twin.enqueue({ text: 'done', reasoning: 'pondering', match: says('please ponder') })
    twin.enqueue({ status: 400, body: { error: { code: 'context_length_exceeded', message: 'too long' } }, match: says('please refuse') })
    folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
    const tokens = join(folder, 'tokens.json')
    await writeFile(tokens, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
    const config = {
      base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokens, transport: 'sse', max_retries: 0,
    }
    const child = spawn('python' in prepared ? prepared.python : '', [script, JSON.stringify(config)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env, HOME: folder, AMPLIFIER_CHATGPT_SIDECAR_COMMAND: JSON.stringify([process.execPath, main]), TWIN_ACTIVITY: `http://127.0.0.1:${(activity.address() as AddressInfo).port}/`,
        // Four mounts at once each time: 20 with the newest kernel, 4 with the other.
        MOUNTS: version === KERNELS[0] ? '5' : '1',
      },
    })
    const report = new Map<string, (outcome: Outcome) => void>()
    for (const check of Object.keys(CHECKS)) outcomes.set(check, new Promise((resolve) => report.set(check, resolve)))
    const lines = createInterface(child.stdout)
    lines.on('line', (line) => {
      const outcome = JSON.parse(line) as Outcome
      report.get(outcome.check)?.(outcome)
    })
    finished = new Promise<void>((resolve) => child.on('close', () => {
      for (const [check, resolveCheck] of report) resolveCheck({ check, failure: 'the script ended before', seconds: 0 })
      resolve()
    }))
  }, 60_000)

  afterAll(async () => {
    await finished
    activity.close()
    await twin.close()
    await rm(folder, { recursive: true, force: true })
  }, 60_000)

  test.each(Object.entries(CHECKS))('%s: %s', async (check) => {
    expect((await outcomes.get(check))?.failure).toBeNull()
  }, 60_000)

  test("a spawn's merged model and effort stand in the request that goes upstream", async () => {
    await outcomes.get('merged_config_of_a_spawn_is_in_effect')
    const sent = twin.responses().filter(({ body }) => JSON.stringify(body).includes('hello from a spawn'))
    expect(sent).toHaveLength(1)
    expect(sent[0]?.body).toMatchObject({ model: 'gpt-5.4', reasoning: { effort: 'high' } })
  }, 60_000)
})

describe.skipIf(kernels.every(({ prepared }) => 'reason' in prepared))('the page for Amplifier', () => {
  const python = kernels.flatMap(({ prepared }) => ('python' in prepared ? [prepared.python] : []))[0] ?? ''
  const line = (start: string) => new RegExp(`^${start} (.*)$`, 'm').exec(PAGE)?.[1] ?? `no line starts with ${start}`

  test('its pip line installs the folder as a module that a kernel finds', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-pip-'))
    try {
      await cp(join(root, 'python'), join(folder, 'python'), { recursive: true })
      // Beside the environment that other tests use, and without what is in that already.
      const aside = ['--target', join(folder, 'site'), '--no-deps', '--disable-pip-version-check']
      await run(python, ['-m', 'pip', ...line('pip').split(' '), ...aside], { cwd: folder })
      const info = (await readdir(join(folder, 'site'))).find((name) => name.endsWith('.dist-info')) ?? ''
      expect(readFileSync(join(folder, 'site', info, 'entry_points.txt'), 'utf8'))
        .toContain('[amplifier.modules]\nprovider-openai-chatgpt = amplifier_module_openai_chatgpt:mount\n')
      expect(readFileSync(join(folder, 'site', info, 'entry_points.txt'), 'utf8')).toContain('amplifier-chatgpt = amplifier_module_openai_chatgpt.command:main')
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }, 60_000)

  test('its routing line puts our matrix in force, by the command line that the package brings', async () => {
    const home = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-home-'))
    try {
      const command = join(root, 'python', 'amplifier_module_openai_chatgpt', '_sidecar', 'dist', 'cli', 'main.js')
      await run(process.execPath, [command, 'routing', ...line('amplifier-chatgpt routing').split(' ')], { cwd: home, env: { ...process.env, HOME: home } })
      expect(readFileSync(join(home, '.amplifier', 'settings.yaml'), 'utf8')).toContain('matrix: openai-chatgpt')
      expect(await readdir(join(home, '.amplifier', 'routing'))).toEqual(['openai-chatgpt.yaml'])
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  }, 60_000)

  test.runIf(built)('its session answers with a tool call', async () => {
    const { stdout } = await run(python, line('python').split(' '), { cwd: root })
    expect(stdout).toMatch(/^(llm:response: gpt-6.1-sol, ok, \d+ ms\r?\n){2}The tool look gave: a lantern at the door\r?\n$/)
  }, 60_000)
})
