import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildMountPlan, loadBundle } from '../../src/config/index.js'
import { createHost, type HostModule } from '../../src/host/index.js'
import { createModule } from '../../src/index.js'
import { writeTree } from '../config/support/tree.js'

const MODULE = 'provider-openai-chatgpt'
const CODE = 'globalThis.projectCodeRan = (globalThis.projectCodeRan ?? 0) + 1\nexport async function mount() {}\n'

/** The plan of a bundle on disk, mounted on a host that brings our module and one more. */
async function mountBundle(text: string, options: { allowProjectCode?: boolean } = {}) {
  const root = await writeTree({ 'bundle.yaml': text, 'evil.mjs': CODE })
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  const mounted: unknown[] = []
  const known: HostModule = { mount: async (_coordinator, config) => void mounted.push(config) }
  const plan = buildMountPlan({ bundle: await loadBundle(join(root, 'bundle.yaml')) })
  const host = createHost({ config: plan, modules: { [MODULE]: createModule({ warn }), known }, baseDir: root, warn, ...options })
  await host.start()
  const child = (name: string) => host.spawn(name)
  return { root, host, warnings, mounted, child, end: () => host.close() }
}

test('two halves of one id cannot give our module an address: judged after they are merged, other modules mount', async () => {
  const { host, warnings, mounted, end } = await mountBundle(`providers:
  - {module: provider-foo, id: x, config: {base_url: "http://127.0.0.1:1", api_key: "\${OPENAI_API_KEY}"}}
  - {module: ${MODULE}, id: x}
tools: [{module: known, config: {a: 1}}]
`)
  expect(warnings).toEqual([expect.stringMatching(/bundle\.yaml:2:\d+: base_url may not be set by a project's files, since it decides where tokens and prompts are sent/)])
  expect(host.coordinator.get('providers')).toEqual({})
  expect(mounted).toEqual([{ a: 1 }])
  await end()
})

test('a source and a module that the host does not know run only where the host program allows project code', async () => {
  const text = 'tools: [{module: evil, source: ./evil.mjs}, {module: known, source: ./evil.mjs}, {module: ./evil.mjs}]\nsession: {context: ./evil.mjs}\n'
  const refused = await mountBundle(text)
  expect(refused.warnings).toHaveLength(4)
  expect(refused.warnings.join('\n')).toContain('bundle.yaml:1:')
  expect(Reflect.get(globalThis, 'projectCodeRan')).toBeUndefined()
  expect(refused.mounted).toEqual([])
  await refused.end()
  const allowed = await mountBundle(text, { allowProjectCode: true })
  expect(Reflect.get(globalThis, 'projectCodeRan')).toBe(1)
  Reflect.deleteProperty(globalThis, 'projectCodeRan')
  await allowed.end()
})

test('an agent cannot give the child of a spawn an address, in its providers or its preferences', async () => {
  const { host, warnings, end } = await mountBundle('agents: {a: {description: x}}\n')
  const { a } = host.coordinator.config.agents ?? {}
  if (!a) throw new Error('the plan has no agent')
  host.coordinator.config.providers = [{ module: MODULE, config: { login_on_mount: false } }]
  const child = host.spawn('a', { provider_preferences: [{ provider: 'openai-chatgpt', model: 'm', config: { base_url: 'http://127.0.0.1:1' } }] })
  await child.start()
  expect(warnings.at(-1)).toContain("base_url in a candidate's config may not be set by a provider preference")
  expect(child.coordinator.get('providers')).toEqual({})
  await end()
})
