import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createChatGPT } from '../src/ai-sdk/index.js'
import { runCommandLine } from '../src/cli/command-line.js'
import { mountOnHost } from '../src/mount-on-host.js'
import { startTwin, type Twin } from '../src/twin/index.js'
import { call, openGrpcServer } from './support/open-grpc-server.js'
import { failureOf } from './support/mounted.js'
import { PassThrough } from 'node:stream'

let twin: Twin
let folder: string
let config: Record<string, unknown>

beforeEach(async () => {
  twin = await startTwin()
  folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
  config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: join(folder, 'tokens.json'), login_on_mount: false }
  await writeFile(join(folder, 'tokens.json'), JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
})
afterEach(async () => {
  await twin.close()
  await rm(folder, { recursive: true, force: true })
})

/** A matrix with one role that no model of the account serves. */
async function writeDeadMatrix(): Promise<string> {
  await writeFile(join(folder, 'dead.yaml'), [
    'name: dead', 'description: one role is dead', "updated: '2026-10-01'", 'roles:',
    '  general:', '    description: anything', '    candidates: [{ provider: openai-chatgpt, model: gpt-5.5 }]',
    '  fast:', '    description: quick', '    candidates: [{ provider: openai-chatgpt, model: gpt-0 }]',
  ].join('\n'))
  return join(folder, 'dead.yaml')
}

test('a mount runs onSessionReady and starts and ends the session', async () => {
  const events: string[] = []
  const mounted = await mountOnHost({
    config: { ...config, warm_up: true },
    prepare: ({ hooks }) => { for (const event of ['session:start', 'session:end']) hooks.register(event, () => void events.push(event)) },
  })
  await vi.waitFor(() => expect(twin.openConnections().websocket).toBe(1), { timeout: 10_000 })
  expect(events).toEqual(['session:start'])
  await Promise.all([mounted.close(), mounted.close()])
  expect(events).toEqual(['session:start', 'session:end'])
  await vi.waitFor(() => expect(twin.openConnections()).toEqual({ http: 0, websocket: 0 }), { timeout: 10_000 })
})

test('a mount that nobody is signed in for rejects with its own words, which are no warning then', async () => {
  const warnings: string[] = []
  const failure = await failureOf(mountOnHost({ config: { ...config, token_file_path: join(folder, 'none.json') }, parts: { warn: (message) => void warnings.push(message) } }))
  expect(failure).toMatchObject({ name: 'AuthenticationError', code: 'not_signed_in' })
  expect(failure.message).toContain('amplifier-chatgpt login')
  expect(warnings).toEqual([])
})

test('the gRPC server warms up, and says which role no model serves', async () => {
  const warnings: string[] = []
  const matrix = await writeDeadMatrix()
  const open = await openGrpcServer({ warn: (message) => void warnings.push(message) }, { warm_up: true, matrix, transport: 'auto' })
  try {
    expect(await call(open.lifecycle, 'Mount', { config: {} })).toMatchObject({ success: true })
    await vi.waitFor(() => expect(open.twin.openConnections().websocket).toBe(1), { timeout: 10_000 })
    await vi.waitFor(() => expect(warnings.join('\n')).toContain('fast'), { timeout: 10_000 })
  } finally {
    await open.close()
  }
})

test('the command line warms up and warns of dead roles while it serves', async () => {
  const stderr = new PassThrough()
  const stdout = new PassThrough()
  const stop = new AbortController()
  const matrix = await writeDeadMatrix()
  const flags = Object.entries({ ...config, warm_up: 'true', matrix }).flatMap(([key, value]) => ['--config', `${key}=${String(value)}`])
  const env = { HOME: folder, USERPROFILE: folder, AMPLIFIER_CHATGPT_HTTP_KEY: 'local-made-up' }
  const running = runCommandLine(['node', 'amplifier-chatgpt', 'serve', '--http', ...flags], { stdout, stderr, stdin: new PassThrough(), env })
  let said = ''
  stderr.on('data', (bytes: Buffer) => { said += String(bytes) })
  stop.signal.addEventListener('abort', () => process.emit('SIGTERM', 'SIGTERM'))
  await vi.waitFor(() => expect(twin.openConnections().websocket).toBe(1), { timeout: 10_000 })
  await vi.waitFor(() => expect(said).toContain('fast'), { timeout: 10_000 })
  stop.abort()
  expect(await running).toBe(0)
  await vi.waitFor(() => expect(twin.openConnections()).toEqual({ http: 0, websocket: 0 }), { timeout: 10_000 })
})

test('the AI SDK provider warms up', async () => {
  const chatgpt = createChatGPT({ config: { ...config, warm_up: true }, warn: () => undefined })
  await chatgpt.provider()
  await vi.waitFor(() => expect(twin.openConnections().websocket).toBe(1), { timeout: 10_000 })
  await chatgpt.close()
})
