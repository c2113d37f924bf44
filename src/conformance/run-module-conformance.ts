import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EVENTS, type ModuleDescriptor, type Provider } from '../contract/index.js'
import { createHost } from '../host/index.js'
import { isRecord } from '../lib/index.js'
import type { Twin } from '../twin/index.js'
import { runConformance } from './run-conformance.js'
import type { ConformanceOptions, ConformanceReport, OpenDoor, RecordedEvent } from './types.js'

export interface ModuleConfigInput {
  twin: Twin
  /** an empty folder of this mount's own, taken away afterwards */
  folder: string
}

export interface ModuleConformanceOptions extends Partial<Omit<ConformanceOptions, 'open'>> {
  /** the mount's config; default: this package's own options, signed in at the twin by a token file, without retries */
  config?: (input: ModuleConfigInput) => Promise<Record<string, unknown>> | Record<string, unknown>
  /** under which name the module mounts its provider; default: the first one mounted */
  providerName?: string
}

/** Checks a provider module of whoever wrote it, mounted on the in-memory host. */
export function runModuleConformance(module: ModuleDescriptor, options: ModuleConformanceOptions = {}): Promise<ConformanceReport> {
  return runConformance({ name: module.id, ...options, open: openModule(module, options) })
}

/** The in-process door of a module. Its `open` throws where the module mounts no provider. */
export function openModule(module: ModuleDescriptor, options: Pick<ModuleConformanceOptions, 'config' | 'providerName'> = {}): OpenDoor {
  const { config: makeConfig = buildConfig } = options
  return async (twin) => {
    const folder = await mkdtemp(join(tmpdir(), 'conformance-'))
    const said: string[] = []
    const config = await makeConfig({ twin, folder })
    const host = createHost({ config: { providers: [{ module: module.id, config }] }, modules: { [module.id]: module }, warn: (message) => void said.push(message) })
    const recorded: RecordedEvent[] = []
    for (const name of Object.values(EVENTS)) host.coordinator.hooks.register(name, (event, data) => void recorded.push({ event, data }))
    const close = async () => {
      await host.close()
      await rm(folder, { recursive: true, force: true })
    }
    const provider = await host.start().then(() => findProvider(host.coordinator.get('providers'), options.providerName)).catch(async (error: unknown) => {
      await close()
      throw error
    })
    if (!provider) {
      await close()
      throw new Error([`${module.id} mounted no provider`, ...said].join(': '))
    }
    return {
      complete: (request, { signal }) => provider.complete(request, signal ? { signal } : {}),
      stream: (request, { signal }) => provider.stream(request, signal ? { signal } : {}),
      events: () => recorded,
      close,
    }
  }
}

async function buildConfig({ twin, folder }: ModuleConfigInput): Promise<Record<string, unknown>> {
  const tokenFile = join(folder, 'tokens.json')
  await writeFile(tokenFile, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  return {
    base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokenFile, login_on_mount: false, transport: 'sse', max_retries: 0,
  }
}

function findProvider(mounted: unknown, name: string | undefined): Provider | undefined {
  if (!isRecord(mounted)) return undefined
  const found = name === undefined ? Object.values(mounted)[0] : mounted[name]
  return isProvider(found) ? found : undefined
}

const isProvider = (value: unknown): value is Provider =>
  isRecord(value) && typeof value['complete'] === 'function' && typeof value['stream'] === 'function'
