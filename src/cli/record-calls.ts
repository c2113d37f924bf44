import { createWriteStream, type WriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { ConfigurationError, EVENTS, type Coordinator, type EventPayloads, type ModelInfo, type Provider } from '../contract/index.js'
import { isRecord, stringifyPrintable } from '../lib/index.js'
import { buildCallRecord, planEntries, type ReplayRecord } from '../routing/index.js'

/** Writes what `routing replay` reads: a line a call, and one whenever a provider's list of models has changed. */
export interface CallRecorder {
  /** Listens to the calls of this coordinator's session. */
  attach(coordinator: Coordinator): void
  /** Resolves when everything is written. */
  close(): Promise<void>
}

export interface CallRecorderOptions {
  /** ms since 1970 */
  now?: () => number
  /** told once, where nothing more can be written */
  warn: (message: string) => void
}

/** Appends to the file, made with mode 0600. @throws ConfigurationError where it cannot be written */
export async function openCallRecorder(file: string, { now = Date.now, warn }: CallRecorderOptions): Promise<CallRecorder> {
  const stream = await openForAppend(file)
  let failed = false
  stream.on('error', (error) => {
    if (!failed) warn(`nothing more is recorded in ${file}: ${error.message}`)
    failed = true
  })
  const write = (record: ReplayRecord) => void (failed || stream.write(`${stringifyPrintable(record)}\n`))
  let last: Promise<void> = Promise.resolve()
  return {
    attach(coordinator) {
      const lists = new Map<string, string>()
      const record = async (payload: EventPayloads['llmResponse'], nowMs: number) => {
        const line = buildCallRecord(payload, { entries: planEntries(coordinator), nowMs })
        const models = await listModels(coordinator, line.provider)
        if (models !== undefined && lists.get(line.provider) !== models.join('\n')) {
          lists.set(line.provider, models.join('\n'))
          write({ type: 'catalog', version: 1, time: line.time, provider: line.provider, models })
        }
        write(line)
      }
      coordinator.hooks.register(EVENTS.llmResponse, (_event, data) => {
        const nowMs = now()
        if (isPayload(data)) last = last.then(() => record(data, nowMs)).catch((error: unknown) => warn(`a call could not be recorded: ${String(error)}`))
        return { action: 'continue' }
      }, { priority: 900, name: 'record-calls' })
    },
    async close() {
      await last
      await new Promise<void>((resolve) => (failed ? resolve() : stream.end(() => resolve())))
    },
  }
}

async function openForAppend(file: string): Promise<WriteStream> {
  try {
    await (await open(file, 'a', 0o600)).close()
    return createWriteStream(file, { flags: 'a', mode: 0o600 })
  } catch (error) {
    throw new ConfigurationError(`--record ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`, { code: 'usage', cause: error })
  }
}

function isPayload(data: unknown): data is EventPayloads['llmResponse'] {
  return isRecord(data) && typeof data.model === 'string' && (data.status === 'ok' || data.status === 'error')
}

/** The list as it is known already, which the call has just used; undefined where only the built-in one is. */
async function listModels(coordinator: Coordinator, name: string): Promise<string[] | undefined> {
  const provider = coordinator.get('providers', name) as Provider | undefined
  const models: readonly ModelInfo[] = (await provider?.listModels().catch(() => undefined)) ?? []
  if (models.length === 0 || models[0]?.metadata?.source === 'fallback') return undefined
  return models.map(({ id }) => id)
}
