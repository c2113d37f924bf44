import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { EVENTS, type ChatRequest, type LLMError, type MountPlan, type StreamEvent } from '../../src/contract/index.js'
import { createHost, type Host } from '../../src/host/index.js'
import { createModule, type ChatGPTProvider, type ModuleParts } from '../../src/index.js'
import { startTwin, type Twin, type TwinOptions } from '../../src/twin/index.js'

export interface RecordedEvent {
  event: string
  data: Record<string, unknown>
}

export interface Mounted {
  twin: Twin
  host: Host
  provider: ChatGPTProvider
  /** every event of the provider, in order */
  events: RecordedEvent[]
  warnings: string[]
  folder: string
  config: Record<string, unknown>
  /** events of one name */
  named(event: string): Record<string, unknown>[]
  close(): Promise<void>
}

export interface MountedOptions {
  twin?: TwinOptions
  /** an existing twin, which stays open */
  on?: Twin
  config?: Record<string, unknown>
  plan?: Partial<MountPlan>
  parts?: ModuleParts
  /** before the mount, after the token file was written */
  prepare?: (mounted: { twin: Twin; folder: string; config: Record<string, unknown> }) => Promise<void> | void
}

/** The module mounted on the in-memory host, signed in at a twin of its own, over real sockets. */
export async function mountOnTwin(options: MountedOptions = {}): Promise<Mounted> {
  const twin = options.on ?? (await startTwin(options.twin ?? {}))
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
  const config: Record<string, unknown> = {
    base_url: twin.baseUrl,
    issuer: twin.issuer,
    token_file_path: join(folder, 'openai-chatgpt-oauth.json'),
    default_model: 'gpt-5.5',
    transport: 'sse',
    ...options.config,
  }
  await writeFile(String(config.token_file_path), JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  await options.prepare?.({ twin, folder, config })
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  const module = createModule({ warn, ...options.parts })
  const host = createHost({
    config: { ...options.plan, providers: [{ module: module.id, config }] },
    modules: { [module.id]: module },
    warn,
  })
  const events: RecordedEvent[] = []
  for (const event of Object.values(EVENTS)) {
    host.coordinator.hooks.register(event, (_name, data) => {
      events.push({ event, data })
    })
  }
  await host.start()
  const provider = host.coordinator.get('providers', 'openai-chatgpt') as ChatGPTProvider
  return {
    twin, host, provider, events, warnings, folder, config,
    named: (event) => events.filter((entry) => entry.event === event).map((entry) => entry.data),
    async close() {
      await host.close()
      if (!options.on) await twin.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The same, ended with the test that asks for it. */
export async function mount(options: MountedOptions = {}): Promise<Mounted> {
  const mounted = await mountOnTwin(options)
  onTestFinished(() => mounted.close())
  return mounted
}

export const ask = (text: string, more: Partial<ChatRequest> = {}): ChatRequest => ({
  messages: [{ role: 'user', content: text }],
  ...more,
})

export async function collect(stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const events: StreamEvent[] = []
  for await (const event of stream) events.push(event)
  return events
}

export const textOf = (events: readonly StreamEvent[]): string =>
  events.map((event) => (event.type === 'text.delta' ? event.text : '')).join('')

/** What a promise is rejected with. */
export const failureOf = async (promise: Promise<unknown>): Promise<LLMError> =>
  promise.then(() => { throw new Error('it succeeded') }, (error: unknown) => error as LLMError)

/** A tool, as a request offers it. */
export const TOOL = { name: 'read_file', description: 'Reads a file', parameters: { type: 'object', properties: { path: { type: 'string' } } } }
