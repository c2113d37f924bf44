import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { OBSERVABILITY_EVENTS } from '../src/contract/index.js'
import { createHost, type Host } from '../src/host/index.js'
import descriptor, { createModule, mount, onSessionReady, type ChatGPTProvider, type ProviderConfig } from '../src/index.js'
import { startTwin, type Twin } from '../src/twin/index.js'
import { ask, mountOnTwin, type Mounted } from './support/mounted.js'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const mounted = async (options: Parameters<typeof mountOnTwin>[0] = {}): Promise<Mounted> => {
  const made = await mountOnTwin(options)
  open.push(() => made.close())
  return made
}

/** A host of its own, for mounts that are to fail. */
const bareHost = (): Host => {
  const host = createHost({ warn: () => undefined })
  open.push(() => host.close())
  return host
}

describe('the module', () => {
  test('exports a descriptor, and its parts by name', () => {
    expect(descriptor).toMatchObject({ id: 'provider-openai-chatgpt', type: 'provider', mountPoint: 'providers' })
    expect(descriptor.version).toMatch(/^\d+\.\d+\.\d+$/)
    expect(descriptor.configSchema).toHaveProperty('properties.default_model')
    expect([mount, onSessionReady]).toEqual([descriptor.mount, descriptor.onSessionReady])
  })

  test('an option that a program misspells does not compile; where the compiler has no keys to look at, a warning names the nearest', async () => {
    const warnings: string[] = []
    const module = createModule({ interactive: false, warn: (message) => void warnings.push(message), refused: () => undefined })
    const { coordinator } = bareHost()
    const unknown = 'unknown option "defualt_model" has no effect; did you mean default_model? (in the mount config)'
    // @ts-expect-error a key that is no option
    await module.mount(coordinator, { token_store: 'memory', defualt_model: 'gpt-5.5' })
    expect(warnings.splice(0)).toEqual([unknown])
    // @ts-expect-error a word that is none of the choices
    await expect(module.mount(coordinator, { token_store: 'memroy' })).rejects.toMatchObject({ code: 'invalid_option' })
    const plan: Record<string, unknown> = { token_store: 'memory', defualt_model: 'gpt-5.5' }
    await module.mount(coordinator, plan)
    expect(warnings.splice(0)).toEqual([unknown])
    const written: ProviderConfig = { id: 'of-the-host', token_store: 'memory', timeout: null, max_retries: '3', reasoning_effort: '${EFFORT}', custom_routing_dirs: ['roles'] }
    await module.mount(coordinator, written)
    expect(warnings).toEqual([])
  })

  test('mounts itself by name, announces its events and puts routing in force', async () => {
    const { host, provider, warnings } = await mounted()
    expect(Object.keys(host.coordinator.get('providers') as object)).toEqual(['openai-chatgpt'])
    expect(provider.name).toBe('openai-chatgpt')
    expect((await host.coordinator.collectContributions('observability.events')).flat()).toEqual(OBSERVABILITY_EVENTS)
    const resolver = host.coordinator.getCapability('model_role_resolver') as { known_roles: string[]; resolve(role: string): Promise<unknown[]> }
    expect(resolver.known_roles).toHaveLength(13)
    expect(await resolver.resolve('coding')).toEqual([expect.objectContaining({ provider: 'openai-chatgpt' })])
    expect(warnings).toEqual([])
  })

  test('a second instance is mounted under its id and works beside the first', async () => {
    const twin = await startTwin()
    open.push(() => twin.close())
    const first = await mounted({ on: twin })
    const module = createModule({ warn: () => undefined })
    const host = createHost({
      modules: { [module.id]: module },
      warn: () => undefined,
      config: { providers: [
        { module: module.id, config: first.config },
        { module: module.id, id: 'chatgpt-2', config: { ...first.config, default_model: 'gpt-5.4' } },
      ] },
    })
    open.push(() => host.close())
    await host.start()
    expect(Object.keys(host.coordinator.get('providers') as object).sort()).toEqual(['chatgpt-2', 'openai-chatgpt'])
    const second = host.coordinator.get('providers', 'chatgpt-2') as Mounted['provider']
    await second.complete(ask('hello'))
    expect(twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-5.4' })
  })

  test('cleanup ends every connection and does no harm the second time', async () => {
    const twin = await startTwin()
    open.push(() => twin.close())
    const made = await mounted({ on: twin, config: { transport: 'auto' } })
    await made.provider.complete(ask('hello'))
    expect(twin.openConnections().websocket).toBe(1)
    await made.host.coordinator.cleanup()
    await made.host.coordinator.cleanup()
    await expect.poll(() => twin.openConnections()).toEqual({ http: 0, websocket: 0 })
    expect(made.host.coordinator.get('providers', 'openai-chatgpt')).toBeUndefined()
    await expect(made.provider.complete(ask('again'))).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('a mount and its cleanup leave no timer and no socket behind', async () => {
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const made = await mountOnTwin({ config: { transport: 'auto' } })
    await made.provider.complete(ask('hello'))
    await made.close()
    await expect.poll(() => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBeLessThanOrEqual(before)
  })
})

describe('a mount that cannot serve', () => {
  const configFor = (twin: Twin, path: string) => ({ base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: path })

  const tryMount = async (prepare: (path: string) => Promise<void>, more: Record<string, unknown> = {}) => {
    const { folder, twin } = await mounted()
    const path = join(folder, 'other.json')
    await prepare(path)
    const warnings: string[] = []
    const module = createModule({ warn: (message) => void warnings.push(message) })
    const cleanup = await module.mount(bareHost().coordinator, { ...configFor(twin, path), ...more })
    if (cleanup) open.push(async () => cleanup())
    return { cleanup, warnings, twin }
  }

  test.each<[string, (path: string) => Promise<void>, RegExp]>([
    ['without a sign-in', async () => undefined, /amplifier-chatgpt login/],
    ['with an empty token file', (path) => writeFile(path, '', { mode: 0o600 }), /empty/i],
    ['with a truncated token file', (path) => writeFile(path, '{"access_token": "abc', { mode: 0o600 }), /JSON|corrupt|damaged/i],
    ['with a garbage token', (path) => writeFile(path, JSON.stringify({ access_token: 'garbage', refresh_token: null }), { mode: 0o600 }), /account|sign|login/i],
    ['with a folder in the file\'s place', async (path) => void (await mkdir(path)), /no file|folder|directory/i],
  ])('%s answers null with one warning that says what to do', async (_title, prepare, words) => {
    const { cleanup, warnings } = await tryMount(prepare)
    expect(cleanup).toBeNull()
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(words)
    expect(warnings[0]).toMatch(/login/)
  })

  test('with login_on_mount: false it mounts without a word, calls fail typed, and a sign-in made later serves', async () => {
    const { folder, twin } = await mounted()
    const path = join(folder, 'later.json')
    const warnings: string[] = []
    const host = bareHost()
    const module = createModule({ warn: (message) => void warnings.push(message) })
    const cleanup = await module.mount(host.coordinator, { ...configFor(twin, path), login_on_mount: false, default_model: 'gpt-5.5', transport: 'sse' })
    if (cleanup) open.push(async () => cleanup())
    const provider = host.coordinator.get('providers', 'openai-chatgpt') as ChatGPTProvider
    const signedOut = { name: 'AuthenticationError', retryable: false, message: expect.stringContaining('amplifier-chatgpt login') as string }
    await expect(provider.complete(ask('hello'))).rejects.toMatchObject(signedOut)
    await expect(provider.listModels()).rejects.toMatchObject(signedOut)
    expect(provider.getInfo().defaults).toEqual({ model: 'gpt-5.5', auth_mode: 'chatgpt_codex', context_window: 272_000, max_output_tokens: 128_000 })
    expect(warnings).toEqual([])
    await writeFile(path, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
    await expect(provider.complete(ask('hello'))).resolves.toMatchObject({ finish_reason: 'stop' })
  })

  test('never prompts where login_on_mount is true and there is no terminal', async () => {
    const { cleanup, twin } = await tryMount(async () => undefined, { login_on_mount: true })
    expect(cleanup).toBeNull()
    expect(twin.requests.filter((request) => request.path.includes('deviceauth'))).toEqual([])
  })

  test('a dead refresh token answers null and names the command, once', async () => {
    const { folder, twin } = await mounted()
    const path = join(folder, 'dead.json')
    await writeFile(path, JSON.stringify({ ...twin.issueTokens(), refresh_token: 'made-up-and-unknown', expires_at: '2020-01-01T00:00:00Z', access_token: 'eyJhbGciOiJub25lIn0.eyJleHAiOjF9.c2ln' }), { mode: 0o600 })
    const warnings: string[] = []
    const module = createModule({ warn: (message) => void warnings.push(message) })
    expect(await module.mount(bareHost().coordinator, configFor(twin, path))).toBeNull()
    expect(warnings).toEqual([expect.stringMatching(/amplifier-chatgpt login/)])
    expect(warnings.join()).not.toContain('made-up-and-unknown')
  })

  test.runIf(process.platform !== 'win32')('a token file behind a symlink is refused by name', async () => {
    const { cleanup, warnings } = await tryMount(async (path) => {
      await writeFile(`${path}.real`, '{}')
      await symlink(`${path}.real`, path)
    })
    expect(cleanup).toBeNull()
    expect(warnings.join()).toMatch(/symlink|symbolic link|link/i)
  })

  test.runIf(process.platform !== 'win32')('a world-readable token file serves, is tightened and warned of', async () => {
    const made = await mounted({ prepare: ({ config }) => chmod(String(config.token_file_path), 0o644) })
    expect(made.warnings.join()).toMatch(/0?600|readable/i)
    await expect(made.provider.complete(ask('hello'))).resolves.toMatchObject({ finish_reason: 'stop' })
  })
})

describe('mount configuration', () => {
  test('an unknown key warns with the key that may have been meant', async () => {
    const { warnings } = await mounted({ config: { reasoning_efort: 'high' } })
    expect(warnings).toEqual([expect.stringMatching(/reasoning_efort.*reasoning_effort/)])
  })

  test('a wrong type is a ConfigurationError that names key and value', async () => {
    await expect(descriptor.mount(bareHost().coordinator, { timeout: 'soon' })).rejects.toMatchObject({
      name: 'ConfigurationError', message: expect.stringMatching(/timeout.*soon/) as string,
    })
  })

  test('booleans and numbers may come as text', async () => {
    const { provider, named } = await mounted({ config: { use_streaming: 'false', timeout: '30' } })
    await provider.complete(ask('hello'))
    expect(named('llm:stream_block_delta')).toEqual([])
    expect(named('llm:response')).toHaveLength(1)
  })

  test('a matrix that does not exist is a warning, and models can still be called', async () => {
    const { provider, warnings } = await mounted({ config: { matrix: 'no-such-matrix' } })
    expect(warnings.join()).toContain('no-such-matrix')
    await expect(provider.complete(ask('hello'))).resolves.toBeDefined()
    await expect(provider.delegate('coding', ask('hello')).response()).rejects.toMatchObject({ name: 'ConfigurationError', code: 'matrix_not_found', message: expect.stringContaining('no-such-matrix') as string })
  })

  test('a broken matrix fails the mount with file, line and column', async () => {
    const { folder, twin, config } = await mounted()
    const file = join(folder, 'broken.yaml')
    await writeFile(file, 'name: broken\nroles:\n  general: [\n')
    await expect(createModule().mount(bareHost().coordinator, { ...config, base_url: twin.baseUrl, matrix: file }))
      .rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringMatching(/broken\.yaml:\d+:\d+/) as string })
    await rm(file)
  })
})
