import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Cleanup, Coordinator, ModuleDescriptor, MountPlan } from '../../src/contract/index.js'
import { createHost, type Host, type HostModule, type HostOptions } from '../../src/host/index.js'

const opened: Host[] = []
const folders: string[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((host) => host.close()))
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })))
})

function open(options: HostOptions = {}): { host: Host; warnings: string[]; coordinator: Coordinator } {
  const warnings: string[] = []
  const host = createHost({ warn: (message) => warnings.push(message), ...options })
  opened.push(host)
  return { host, warnings, coordinator: host.coordinator }
}

interface FakeProvider { name: string; config: Record<string, unknown> }

/** A module that mounts a provider under one fixed name, as real ones do. */
function createProviderModule(log: string[] = []): HostModule {
  return {
    async mount(coordinator, config = {}): Promise<Cleanup> {
      const provider: FakeProvider = { name: 'openai-chatgpt', config }
      await coordinator.mount('providers', provider, { name: 'openai-chatgpt' })
      log.push(`mount ${String(config['label'])}`)
      return () => void log.push(`cleanup ${String(config['label'])}`)
    },
    async onSessionReady() {
      log.push('ready')
    },
  }
}

const providersOf = (coordinator: Coordinator) => coordinator.get('providers') as Record<string, FakeProvider>

describe('the registry', () => {
  test('answers one by name and all by name, in mount order', async () => {
    const { coordinator } = open()
    await coordinator.mount('providers', { name: 'b' })
    await coordinator.mount('providers', { name: 'ignored' }, { name: 'a' })
    await coordinator.mount('tools', { name: 'hammer' })
    expect(coordinator.get('providers', 'a')).toEqual({ name: 'ignored' })
    expect(Object.keys(providersOf(coordinator))).toEqual(['b', 'a'])
    expect(coordinator.get('providers', 'c')).toBeUndefined()
    await coordinator.unmount('providers', 'b')
    expect(coordinator.get('providers')).toEqual({ a: { name: 'ignored' } })
  })

  test.each(['orchestrator', 'context', 'module-source-resolver'])('%s holds one module', async (point) => {
    const { coordinator } = open()
    await coordinator.mount(point, { id: 1 })
    await coordinator.mount(point, { id: 2 }, { name: 'whatever' })
    expect(coordinator.get(point)).toEqual({ id: 2 })
    await coordinator.unmount(point)
    expect(coordinator.get(point)).toBeUndefined()
  })

  test('mounting at hooks, at an unknown point or without a name is an error that says what to do', async () => {
    const { coordinator } = open()
    await expect(coordinator.mount('hooks', {}, { name: 'x' })).rejects.toThrow('coordinator.hooks.register()')
    await expect(coordinator.mount('provider', {}, { name: 'x' })).rejects.toThrow(
      'unknown mount point provider; there are context, module-source-resolver, orchestrator, providers, tools',
    )
    await expect(coordinator.mount('providers', {})).rejects.toThrow('needs a name')
    expect(coordinator.get('hooks')).toBe(coordinator.hooks)
  })
})

describe('capabilities, contributions, cleanups', () => {
  test('a capability is what was registered last', () => {
    const { coordinator } = open()
    expect(coordinator.getCapability('session.routing')).toBeUndefined()
    coordinator.registerCapability('session.routing', 1)
    coordinator.registerCapability('session.routing', 2)
    expect(coordinator.getCapability('session.routing')).toBe(2)
  })

  test('contributions come in order of registration, a contributor that throws is passed over', async () => {
    const { coordinator, warnings } = open()
    coordinator.registerContributor('observability.events', 'one', () => ['a'])
    coordinator.registerContributor('observability.events', 'bad', () => { throw new Error('no') })
    coordinator.registerContributor('observability.events', 'none', () => null)
    coordinator.registerContributor('observability.events', 'two', async () => ['b'])
    expect(await coordinator.collectContributions('observability.events')).toEqual([['a'], ['b']])
    expect(await coordinator.collectContributions('nobody')).toEqual([])
    expect(warnings).toEqual(['contributor bad to observability.events failed and was passed over: no'])
  })

  test('cleanups run last first, each once, and an error stops none', async () => {
    const { coordinator, warnings } = open()
    const order: number[] = []
    coordinator.registerCleanup(() => void order.push(1))
    coordinator.registerCleanup(async () => { throw new Error('stuck') })
    coordinator.registerCleanup(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      order.push(3)
    })
    await Promise.all([coordinator.cleanup(), coordinator.cleanup()])
    await coordinator.cleanup()
    expect(order).toEqual([3, 1])
    expect(warnings).toEqual(['a cleanup failed: stuck'])
  })
})

describe('cancellation', () => {
  test('goes from running to graceful to immediate, never back, and callbacks hear every step', async () => {
    const { host, coordinator, warnings } = open()
    const { cancellation } = coordinator
    const heard: boolean[] = []
    cancellation.onCancel(() => { throw new Error('callback broke') })
    const away = cancellation.onCancel(async () => void heard.push(cancellation.isImmediate))
    expect([cancellation.isCancelled, cancellation.isGraceful, cancellation.isImmediate]).toEqual([false, false, false])
    await host.cancel('graceful')
    await host.cancel('graceful')
    expect([cancellation.isCancelled, cancellation.isGraceful, cancellation.isImmediate]).toEqual([true, true, false])
    await host.cancel('immediate')
    await host.cancel('graceful')
    expect([cancellation.isCancelled, cancellation.isGraceful, cancellation.isImmediate]).toEqual([true, false, true])
    expect(heard).toEqual([false, true])
    expect(warnings).toHaveLength(2)
    away?.()
    host.resetCancellation()
    expect(cancellation.isCancelled).toBe(false)
    await host.cancel('immediate')
    expect(heard).toHaveLength(2)
  })
})

describe('start and close', () => {
  test('mounts in order, then runs onSessionReady, then emits session:start; close emits session:end and cleans up in reverse', async () => {
    const log: string[] = []
    const module = createProviderModule(log)
    const { host, coordinator } = open({
      modules: { 'provider-x': module },
      config: { providers: [{ module: 'provider-x', config: { label: 'one' } }, { module: 'provider-x', id: 'second', config: { label: 'two' } }] },
    })
    for (const event of ['session:start', 'session:resume', 'session:end']) coordinator.hooks.register(event, () => void log.push(event))
    await Promise.all([host.start(), host.start()])
    await host.close()
    await host.close()
    expect(log).toEqual(['mount one', 'mount two', 'ready', 'ready', 'session:start', 'session:end', 'cleanup two', 'cleanup one'])
    await expect(host.start()).rejects.toThrow('closed')
  })

  test('a resumed host emits session:resume instead', async () => {
    const { host, coordinator } = open({ resume: true, sessionId: 'kept' })
    const heard: unknown[] = []
    for (const event of ['session:start', 'session:resume']) coordinator.hooks.register(event, (name, data) => void heard.push([name, data['session_id']]))
    await host.start()
    expect(heard).toEqual([['session:resume', 'kept']])
  })

  test('a host that never started ends without session:end, but cleans up', async () => {
    const { host, coordinator } = open()
    const log: string[] = []
    coordinator.hooks.register('session:end', () => void log.push('end'))
    coordinator.registerCleanup(() => void log.push('cleanup'))
    await host.close()
    expect(log).toEqual(['cleanup'])
  })

  test('closing cancels a mount that still waits', async () => {
    const slow: HostModule = {
      mount: (coordinator) => new Promise((resolve) => {
        coordinator.cancellation.onCancel(() => resolve(null))
      }),
    }
    const { host, warnings } = open({ modules: { slow }, config: { providers: [{ module: 'slow' }] } })
    void host.start()
    await new Promise((resolve) => setImmediate(resolve))
    await host.close()
    expect(warnings).toHaveLength(1)
  })

  test('the coordinator’s config is the plan itself, so that hooks can write to it', async () => {
    const config: MountPlan = { agents: { a: { model_role: 'fast' } } }
    const { host, coordinator } = open({ config })
    coordinator.hooks.register('session:start', () => {
      coordinator.config.agents!['a']!.provider_preferences = [{ provider: 'p', model: 'm' }]
    })
    await host.start()
    expect(config.agents!['a']!.provider_preferences).toEqual([{ provider: 'p', model: 'm' }])
  })
})

describe('the mount plan', () => {
  test('a second instance is re-keyed by its id, and the first keeps its name and place', async () => {
    const { host, coordinator } = open({
      modules: { 'provider-openai-chatgpt': createProviderModule() },
      config: {
        providers: [
          { module: 'provider-openai-chatgpt', config: { label: 'one' } },
          { module: 'provider-openai-chatgpt', id: 'chatgpt-work', config: { label: 'two' } },
          { module: 'provider-openai-chatgpt', id: 'chatgpt-home', config: { label: 'three' } },
        ],
      },
    })
    await host.start()
    const mounted = Object.entries(providersOf(coordinator)).map(([key, provider]) => [key, provider.config['label']])
    expect(mounted).toEqual([['openai-chatgpt', 'one'], ['chatgpt-work', 'two'], ['chatgpt-home', 'three']])
  })

  test('an instance with an id that comes first leaves the usual name free', async () => {
    const { host, coordinator } = open({
      modules: { 'provider-openai-chatgpt': createProviderModule() },
      config: {
        providers: [
          { module: 'provider-openai-chatgpt', id: 'work', config: { label: 'one' } },
          { module: 'provider-openai-chatgpt', config: { label: 'two' } },
        ],
      },
    })
    await host.start()
    expect(Object.keys(providersOf(coordinator))).toEqual(['work', 'openai-chatgpt'])
  })

  test('a module that answers null, throws, is missing or is malformed is a warning, and the others mount', async () => {
    const { host, coordinator, warnings } = open({
      modules: {
        refuses: { mount: async () => null },
        breaks: {
          async mount(target) {
            await target.mount('providers', {}, { name: 'openai-chatgpt' })
            throw new Error('half-way')
          },
        },
        unready: { async mount() {}, onSessionReady() { throw new Error('not ready') } },
        good: createProviderModule(),
      },
      config: {
        session: { context: 7 },
        providers: [
          { module: 'good', config: { label: 'kept' } }, { module: 'refuses' }, { module: 'breaks', id: 'b' }, { module: 'unready' },
          { module: 'nowhere-to-be-found' }, { module: 'fetched', source: 'git+https://host.invalid/x' },
        ],
      },
    })
    await host.start()
    expect(providersOf(coordinator)).toEqual({ 'openai-chatgpt': { name: 'openai-chatgpt', config: { label: 'kept' } } })
    expect(warnings).toEqual([
      'mount plan: session.context is no { module, source?, id?, config? } and was passed over',
      'module refuses cannot serve and was not mounted; its own warning says why',
      'module breaks (b) was not mounted: half-way',
      'module nowhere-to-be-found was not mounted: it was not found as nowhere-to-be-found or amplifier-module-nowhere-to-be-found; ' +
        'install the package, or hand it to createHost({ modules })',
      'module fetched was not mounted: its source git+https://host.invalid/x would have to be fetched, which this host does not do; ' +
        'install the package and name it as source',
      'module unready: onSessionReady failed: not ready',
    ])
  })

  test('modules come from files and from packages of the folder the plan belongs to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'host modules '))
    folders.push(folder)
    const source = (name: string) =>
      `export default { async mount(c, config) { await c.mount('tools', { name: '${name}', config }); } }\n`
    await writeFile(join(folder, 'tool.mjs'), source('from-file'))
    const packageFolder = join(folder, 'node_modules', 'amplifier-module-tool-made-up')
    await mkdir(packageFolder, { recursive: true })
    await writeFile(join(packageFolder, 'package.json'), '{"name":"amplifier-module-tool-made-up","type":"module","exports":"./index.js"}')
    await writeFile(join(packageFolder, 'index.js'), source('from-package'))
    await writeFile(join(folder, 'wrong.mjs'), 'export const nothing = 1\n')
    const { host, coordinator, warnings } = open({
      baseDir: folder,
      config: { tools: [{ module: 'a', source: './tool.mjs', config: { x: 1 } }, { module: 'tool-made-up' }, { module: 'w', source: './wrong.mjs' }] },
    })
    await host.start()
    expect(coordinator.get('tools')).toEqual({
      'from-file': { name: 'from-file', config: { x: 1 } }, 'from-package': { name: 'from-package', config: {} },
    })
    expect(warnings).toEqual(['module w was not mounted: it exports no mount function, neither as default export nor by name'])
  })

  test('a module descriptor fits', async () => {
    const descriptor: ModuleDescriptor = {
      id: 'provider-x', type: 'provider', mountPoint: 'providers', version: '0.0.0', configSchema: {},
      mount: async () => null, onSessionReady: async () => undefined,
    }
    const { host, warnings } = open({ modules: { 'provider-x': descriptor }, config: { providers: [{ module: 'provider-x' }] } })
    await host.start()
    expect(warnings).toHaveLength(1)
  })
})

describe('a spawned child', () => {
  const plan = (): MountPlan => ({
    providers: [
      { module: 'provider-openai-chatgpt', config: { label: 'one', base_url: 'http://127.0.0.1:1', priority: 50 } },
      { module: 'provider-openai-chatgpt', id: 'work', config: { label: 'two' } },
    ],
    agents: {
      coder: { model_role: 'coding', provider_preferences: [{ provider: 'openai-chatgpt', model: 'gpt-5.5', config: { reasoning_effort: 'high' } }] },
      plain: { providers: [{ module: 'provider-openai-chatgpt', config: { label: 'own' } }] },
    },
  })
  const modules = { 'provider-openai-chatgpt': createProviderModule() }
  const start = async (host: Host) => {
    await host.start()
    return Object.fromEntries(Object.entries(providersOf(host.coordinator)).map(([key, provider]) => [key, provider.config]))
  }

  test('mounts the preferred provider with default_model, priority 0 and the preference’s config', async () => {
    const { host } = open({ config: plan(), modules, sessionId: 'parent' })
    const child = host.spawn('coder')
    expect(await start(child)).toEqual({
      'openai-chatgpt': { label: 'one', base_url: 'http://127.0.0.1:1', default_model: 'gpt-5.5', priority: 0, reasoning_effort: 'high' },
      work: { label: 'two' },
    })
    expect(child.coordinator.parentId).toBe('parent')
    expect(child.coordinator.sessionId).not.toBe('parent')
    expect(host.coordinator.config).toEqual(plan())
  })

  test('takes the preferences it is given, passes over unknown providers and unresolved patterns, and finds an instance by its key', async () => {
    const { host, warnings } = open({ config: plan(), modules })
    const child = host.spawn('plain', {
      provider_preferences: [{ provider: 'anthropic', model: 'x' }, { provider: 'work', model: 'gpt-*' }, { provider: 'work', model: 'gpt-5.4' }],
    })
    expect(await start(child)).toEqual({
      'openai-chatgpt': { label: 'own', base_url: 'http://127.0.0.1:1', priority: 50 },
      work: { label: 'two', default_model: 'gpt-5.4', priority: 0 },
    })
    expect(warnings).toEqual(['provider preference work/gpt-* is a pattern that nobody resolved; passed over'])
  })

  test('is cancelled and closed with its parent, and an unknown agent is an error naming the known ones', async () => {
    const { host } = open({ config: plan(), modules })
    const child = host.spawn('plain')
    const ended: string[] = []
    child.coordinator.hooks.register('session:end', () => void ended.push('child'))
    await child.start()
    await host.cancel('graceful')
    expect(child.coordinator.cancellation.isGraceful).toBe(true)
    expect(host.spawn('plain').coordinator.cancellation.isGraceful).toBe(true)
    await host.close()
    expect(ended).toEqual(['child'])
    expect(() => host.spawn('nobody')).toThrow('no agent nobody in the plan; it has coder, plain')
    expect(() => host.spawn('toString')).toThrow('no agent toString')
  })
})
