/** Every option that today's Python module takes, with the values it takes: through the in-memory host, and through the Python package. */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Provider } from '../../src/contract/index.js'
import { createHost } from '../../src/host/index.js'
import { createModule } from '../../src/index.js'
import { startTwin, type Twin, type TwinReply, type TwinRequest } from '../../src/twin/index.js'
import { buildDefaultModels } from '../../src/twin/default-models.js'
import { KERNELS, buildCommandLine, preparePython } from '../support/amplifier-python.js'

type Wire = Record<string, unknown>
const CODEX = '/backend-api/codex/responses'
const PLAN = '/v1/responses'
const SOL = { path: CODEX, model: 'gpt-6.1-sol' }
const PLAN_CONFIG = { auth_mode: 'chatgpt_plan', token_file_path: 'PLAN_FILE', base_url: 'PLAN_URL' }

/** How a row is asked where a plain question shows nothing: what answers it, and whether a tool comes with it. */
interface Asked { reply?: TwinReply; withTool?: boolean }
const LATE: Asked = { reply: { text: 'late', firstEventDelayMs: 900 } }
const SILENT: Asked = { reply: { text: 'some words', stallAfterEvents: 4 } }
const TOOL = { name: 'look', description: 'Looks at a place', parameters: { type: 'object', properties: {} } }
/** A backend whose model list cannot be had; its own would begin with another model. */
const OFFLINE = { base_url: 'OFFLINE_URL', issuer: 'OFFLINE_ISSUER', token_file_path: 'OFFLINE_FILE' }

/** What the setting comes to on the wire, or the kernel's word for its refusal. `undefined` for a field that must not be sent. */
const ROWS: readonly (readonly [Record<string, unknown>, Wire | string, Asked?])[] = [
  [{}, { ...SOL, service_tier: undefined }],
  [{ auth_mode: 'chatgpt_codex' }, SOL], [{ auth_mode: 'legacy_codex' }, SOL], [{ auth_mode: null }, SOL], [{ auth_mode: 'codex_plan' }, 'ConfigurationError'],
  [PLAN_CONFIG, { path: PLAN, model: 'gpt-6.1-sol', service_tier: undefined }],
  [{ ...PLAN_CONFIG, app_name: 'My application', host_file_path: '/nowhere/host.json' }, { path: PLAN }],
  [{ ...PLAN_CONFIG, app_name: null, host_file_path: null }, { path: PLAN }],
  [PLAN_CONFIG, { path: PLAN, tools: undefined, first_item: 'additional_tools' }, { withTool: true }], [{}, { ...SOL, first_item: 'message' }, { withTool: true }],
  [{ default_model: 'latest' }, SOL], [{ ...OFFLINE, default_model: 'latest' }, SOL], [{ default_model: null }, SOL], [{ default_model: 'gpt-5.4' }, { model: 'gpt-5.4' }],
  [{ default_model: 'gpt-5.5-fast' }, { model: 'gpt-5.5', service_tier: 'priority' }], [{ default_model: 'gpt-4' }, 'NotFoundError'],
  [{ token_file_path: '' }, 'ConfigurationError'], [{ token_file_path: '   ' }, 'ConfigurationError'], [{ host_file_path: ' ' }, 'ConfigurationError'],
  [{ login_on_mount: true }, SOL], [{ login_on_mount: false }, SOL], [{ login_on_mount: 'false' }, SOL],
  [{ token_file_path: 'NO_FILE', login_on_mount: false }, 'AuthenticationError'],
  [{ raw: true }, SOL], [{ raw: 'false' }, SOL], [{ use_streaming: false }, SOL], [{ use_streaming: 'no' }, SOL],
  [{ timeout: null }, SOL], [{ timeout: 600 }, SOL], [{ timeout: '12.5' }, SOL], [{ timeout: null, first_event_timeout: null }, SOL],
  [{ timeout: 0.3 }, 'LLMTimeoutError', SILENT], [{ first_event_timeout: 0.3 }, 'LLMTimeoutError', LATE], [{ timeout: 0.3 }, 'LLMTimeoutError', LATE],
  [{ timeout: null, first_event_timeout: null }, SOL, LATE], [{ timeout: null }, SOL, LATE],
  [{ token_file_path: 'ENDED_FILE' }, SOL],
  [{ models_cache_ttl: 60 }, SOL], [{ models_cache_ttl: '0' }, SOL], [{ models_client_version: '99.99.99' }, SOL],
  [{ reasoning_effort: 'none' }, { ...SOL, reasoning: undefined }], [{ reasoning_effort: null }, { ...SOL, reasoning: { effort: 'medium', summary: 'auto' } }],
  [{ reasoning_effort: ' HIGH ' }, { reasoning: { effort: 'high', summary: 'auto' } }],
  ...['low', 'medium', 'xhigh', 'max'].map((effort) => [{ reasoning_effort: effort }, { reasoning: { effort, summary: 'auto' } }] as const),
  [{ reasoning_effort: 'minimal', default_model: 'gpt-5.4' }, 'InvalidRequestError'], [{ reasoning_effort: 'enormous' }, 'ConfigurationError'],
  [{ default_model: 'gpt-5.5-pro', reasoning_effort: 'low' }, { model: 'gpt-5.5-pro', reasoning: { effort: 'medium', summary: 'auto' } }],
  [{ priority: 5 }, SOL], [{ priority: '0' }, SOL], [{ extra_request_params: {} }, SOL],
  [{ extra_request_params: { parallel_tool_calls: false } }, { ...SOL, parallel_tool_calls: false }],
  [{ experimental_compaction: false }, SOL], [{ instance_id: 'second' }, SOL], [{ unknown_key: 1 }, SOL],
]

let twin: Twin
let folder: string
let offline: Twin
let rows: { marker: string; config: Record<string, unknown>; expected: Wire | string; tools: typeof TOOL[] }[]

beforeAll(async () => {
  twin = await startTwin({ earliestRefreshFormat: 'null' })
  offline = await startTwin({ models: buildDefaultModels().reverse() })
  offline.refuse('/backend-api/codex/models', { status: 503, times: 1000 })
  folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
  const write = (name: string, record: object) => writeFile(join(folder, name), JSON.stringify(record), { mode: 0o600 })
  await write('codex.json', { auth_mode: 'oauth', ...twin.issueTokens() })
  const { account_id: _account, scope, ...plan } = twin.issueTokens({ lane: 'plan' }) as unknown as Record<string, unknown>
  await write('plan.json', {
    ...plan, auth_mode: 'chatgpt_plan', client_id: 'oaiapp_made_up', subject: 'user-made-up', issuer: twin.issuer,
    scopes: String(scope).split(' '), expires_at: Date.now() / 1000 + 3600, ext_agent_host_id: 'urn:uuid:00000000-0000-4000-8000-000000000001',
  })
  await write('offline.json', { auth_mode: 'oauth', ...offline.issueTokens() })
  // Its access token has run out, and the Python module has left its lock's file beside it.
  await write('ended.json', { auth_mode: 'oauth', ...twin.issueTokens(), expires_at: '2020-01-01T00:00:00+00:00' })
  await writeFile(join(folder, 'ended.json.lock'), '')
  const places: Record<string, string> = {
    OFFLINE_URL: offline.baseUrl, OFFLINE_ISSUER: offline.issuer, OFFLINE_FILE: join(folder, 'offline.json'), ENDED_FILE: join(folder, 'ended.json'),
    PLAN_FILE: join(folder, 'plan.json'), NO_FILE: join(folder, 'none.json'), PLAN_URL: twin.apiBaseUrl,
  }
  const fill = (config: Record<string, unknown>) => Object.fromEntries(Object.entries(config).map(([key, value]) => [key, typeof value === 'string' ? (places[value] ?? value) : value]))
  rows = ROWS.map(([config, expected, { withTool = false } = {}], index) => ({
    marker: `row ${index} of the table`, expected, tools: withTool ? [TOOL] : [],
    config: { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: join(folder, 'codex.json'), transport: 'sse', max_retries: 0, ...fill(config) },
  }))
  ROWS.forEach(([, , asked], index) => {
    const match = ({ body }: { body: unknown }) => JSON.stringify(body ?? '').includes(`row ${index} of the table`)
    if (asked?.reply) twin.enqueue({ ...asked.reply, match }, { ...asked.reply, match })
  })
})
afterAll(async () => {
  await twin.close()
  await offline.close()
  await rm(folder, { recursive: true, force: true })
})

/** What the twin was sent for a row, as far as the row expects it. */
function wireOf(marker: string, expected: Wire): Wire {
  const found = [...twin.responses(), ...offline.responses()].filter((request) => JSON.stringify(request.body ?? '').includes(marker)).at(-1) as TwinRequest | undefined
  const body = found?.body as (Wire & { input?: { type?: string }[] }) | undefined
  const sent: Wire = { ...body, path: found?.path, first_item: body?.input?.[0]?.type }
  return Object.fromEntries(Object.keys(expected).map((key) => [key, sent[key]]))
}

const titles = ROWS.map(([config, expected], index) => [JSON.stringify(config), typeof expected === 'string' ? expected : JSON.stringify(expected), index] as const)

describe('in process', () => {
  test.each(titles)('%s gives %s', async (_config, _expected, index) => {
    const { marker, config, expected, tools } = rows[index] as (typeof rows)[number]
    const module = createModule({ warn: () => undefined })
    const host = createHost({ warn: () => undefined })
    let outcome = 'ok'
    try {
      await module.mount(host.coordinator, config)
      await (host.coordinator.get('providers', 'openai-chatgpt') as Provider).complete({ messages: [{ role: 'user', content: `${marker} in process` }], ...(tools.length > 0 ? { tools } : {}) })
    } catch (error) {
      outcome = (error as Error).name
    } finally {
      await host.close()
    }
    expect(outcome).toBe(typeof expected === 'string' ? expected : 'ok')
    if (typeof expected !== 'string') expect(wireOf(`${marker} in process`, expected)).toEqual(expected)
  })
})

const prepared = await preparePython()
if ('reason' in prepared) process.stderr.write(`skipped: ${prepared.reason}\n`)

describe.skipIf('reason' in prepared)(`through the Python package, amplifier-core ${KERNELS[0]}`, () => {
  const outcomes = new Map<string, string>()
  let main: string
  beforeAll(async () => {
    main = await buildCommandLine('upstream-settings')
    const script = join(dirname(fileURLToPath(import.meta.url)), 'upstream_settings.py')
    const child = spawn('python' in prepared ? prepared.python : '', [script], {
      stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, HOME: folder, AMPLIFIER_CHATGPT_SIDECAR_COMMAND: JSON.stringify([process.execPath, main]) },
    })
    child.stdin.end(JSON.stringify(rows.map(({ marker, config, tools }) => ({ marker: `${marker} in Python`, config, tools }))))
    let said = ''
    for await (const chunk of child.stdout) said += String(chunk)
    for (const line of said.split('\n').filter(Boolean)) {
      const { marker, outcome } = JSON.parse(line) as { marker: string; outcome: string }
      outcomes.set(marker, outcome)
    }
  }, 180_000)

  test.each(titles)('%s gives %s', (_config, _expected, index) => {
    const { marker, expected } = rows[index] as (typeof rows)[number]
    expect(outcomes.get(`${marker} in Python`)).toBe(typeof expected === 'string' ? expected : 'ok')
    if (typeof expected !== 'string') expect(wireOf(`${marker} in Python`, expected)).toEqual(expected)
  })

  test('where the older package is installed too, doctor says which of the two is mounted, and the command that takes the other away', async () => {
    const python = 'python' in prepared ? prepared.python : ''
    const older = join(folder, 'older', 'amplifier_module_provider_openai_chatgpt-1.0.0.dist-info')
    await mkdir(older, { recursive: true })
    await writeFile(join(older, 'METADATA'), 'Metadata-Version: 2.1\nName: amplifier-module-provider-openai-chatgpt\nVersion: 1.0.0\n')
    await writeFile(join(older, 'entry_points.txt'), '[amplifier.modules]\nprovider-openai-chatgpt = amplifier_module_provider_openai_chatgpt:mount\n')
    const ask = async (more: NodeJS.ProcessEnv): Promise<{ check: string; detail: string }[]> => {
      const env = { ...process.env, HOME: folder, AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl, AMPLIFIER_CHATGPT_ISSUER: twin.issuer, AMPLIFIER_CHATGPT_SIDECAR_COMMAND: JSON.stringify([process.execPath, main]), ...more }
      const child = spawn(python, ['-m', 'amplifier_module_openai_chatgpt', 'doctor', '--json'], { stdio: ['ignore', 'pipe', 'inherit'], env })
      let said = ''
      for await (const chunk of child.stdout) said += String(chunk)
      return (JSON.parse(said) as { findings: { check: string; detail: string }[] }).findings.filter(({ check }) => check === 'packages')
    }
    expect(await ask({})).toEqual([])
    expect(await ask({ PYTHONPATH: dirname(older) })).toEqual([{ check: 'packages', result: 'warning', detail:
      `Amplifier finds amplifier-module-provider-openai-chatgpt under our name too, and mounts amplifier-module-provider-openai-chatgpt alone. Run ${python} -m pip uninstall amplifier-module-provider-openai-chatgpt` }])
  })
})
