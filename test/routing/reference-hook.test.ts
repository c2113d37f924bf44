import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import * as host from '../../src/host/index.js'
import * as routing from '../../src/routing/index.js'

/**
 * A routing hook for Python in real sessions of amplifier-core, beside ours in our host: `AMPLIFIER_ROUTING_HOOK` is the
 * folder that holds `amplifier_module_hooks_routing`, `PYTHON` a Python with amplifier-core and PyYAML; an installed hook
 * needs no folder. Without one the recorded answers stand in: vectors.test.ts.
 */
const python = process.env['PYTHON'] ?? 'python3'
const env = { ...process.env, ...(process.env['AMPLIFIER_ROUTING_HOOK'] === undefined ? {} : { PYTHONPATH: process.env['AMPLIFIER_ROUTING_HOOK'] }) }
const probe = spawnSync(python, ['-c', 'import amplifier_core, amplifier_module_hooks_routing as hook, importlib.util as u; print(u.find_spec("amplifier_module_hooks_routing.knob_consistency") is not None)'], { env, encoding: 'utf8' })
const isHere = probe.status === 0
/** An older hook knows no presets, scopes and families. */
const hasPresets = probe.stdout?.trim() === 'True'
if (!isHere) process.stdout.write('no routing hook for Python here: set AMPLIFIER_ROUTING_HOOK and PYTHON to compare with it\n')
else if (!hasPresets) process.stdout.write('this routing hook for Python is older than presets: compared where none is in force\n')

interface Case {
  name: string
  matrix: string
  providers: Record<string, string[]>
  specs: object[]
  agents: Record<string, object>
  events: string[]
}

const LISTS = { now: ['gpt-6.1-sol', 'gpt-6-luna', 'gpt-5.5', 'gpt-5.4-mini'], later: ['gpt-10-luna', 'gpt-9.2-luna', 'gpt-6-luna-fast', 'gpt-6.1-sol'], none: ['gpt-5.4'] }
const text = readFileSync(new URL('../../routing/openai.yaml', import.meta.url), 'utf8')
const MATRICES = {
  openai: text, 'openai-api': `${text}\nprovider_module_allowlist: [provider-openai]\n`, 'openai-chatgpt': `${text}\nprovider_module_allowlist: [provider-openai-chatgpt]\n`,
}
const spec = (module: string, id: string, config: object = {}) => ({ module: `provider-${module}`, id, config })
const PLANS = {
  'an API key': [spec('openai', 'openai')],
  'a plan': [spec('openai-chatgpt', 'openai-chatgpt')],
  both: [spec('openai', 'openai'), spec('openai-chatgpt', 'openai-chatgpt')],
  'a cheap caller': [spec('openai-chatgpt', 'openai-chatgpt', { default_model: 'gpt-6-luna', reasoning_effort: 'low', priority: 0 })],
  'a caller off the ladder': [spec('openai-chatgpt', 'openai-chatgpt', { default_model: 'o3' })],
  'two instances': [spec('openai-chatgpt', 'first', { priority: 5 }), spec('openai-chatgpt', 'second', { priority: 1, default_model: 'gpt-6.1-sol' })],
}

const roles = Object.keys((parse(text) as { roles: object }).roles)
const agents = (): Record<string, object> => Object.fromEntries([
  ...roles.map((role) => [role, { model_role: role }]),
  ['listed', { model_role: ['no-such', 'fast'] }], ['plain', { description: 'no role' }], ['pinned', { model_role: 'coding', provider_preferences: [{ provider: 'openai', model: 'gpt-5.5' }] }],
])

const cases = Object.entries(MATRICES).flatMap(([name, matrix]) => Object.entries(PLANS).flatMap(([plan, specs]) => Object.entries(LISTS).map(([list, models]): [string, Case] => [
  `${name}, ${plan}, models of ${list}`,
  { name: 'm', matrix, specs, providers: Object.fromEntries(specs.map(({ id }) => [id, models])), agents: agents(), events: ['session:start'] },
]))).filter(([title]) => hasPresets || /^openai(-api)?, an API key/.test(title))

interface Outcome {
  agents?: unknown
  emitted?: [string, Record<string, unknown>][]
  resolver?: { known_roles: unknown } | null
  /** of our hook: where it refused to mount, or an event failed */
  mount_error?: object
  event_error?: object
}

const adapter = (await import(new URL('./vector-kinds.mjs', import.meta.url).href)) as { createRunner(routing: unknown, host: unknown): { run(kind: string, vector: unknown): Promise<{ actual: unknown }> } }

async function runOurs({ name, matrix, specs, providers, agents: own, events }: Case): Promise<Outcome> {
  const { actual } = await adapter.createRunner(routing, host).run('session', {
    matrix: parse(matrix) as object, matrix_at: 'mine', hook_config: { default_matrix: name }, provider_specs: specs,
    providers: Object.fromEntries(Object.entries(providers).map(([key, models]) => [key, { models }])), agents: own, capabilities: {},
    events: events.map((event) => [event, {}]), expected: {},
  })
  return actual as Outcome
}

describe.skipIf(!isHere)('the routing hook for Python, in sessions of amplifier-core', () => {
  test('gives the same agents the same preferences, and tells the same events', async () => {
    const input = cases.map(([, one]) => JSON.stringify(one)).join('\n')
    const { stdout, stderr, status } = spawnSync(python, [fileURLToPath(new URL('./reference_hook.py', import.meta.url))], { env, input: `${input}\n`, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    expect(status, stderr).toBe(0)
    const theirs = stdout.trim().split('\n').map((line) => JSON.parse(line) as { agents?: object; known_roles?: unknown; emitted?: Outcome['emitted']; error?: string })
    const differing: unknown[] = []
    for (const [place, [title, one]] of cases.entries()) {
      const [ours, other] = [await runOurs(one), theirs[place]]
      // The kernel keeps what an event's handler throws to itself: what ours says of it has no counterpart.
      if (ours.event_error !== undefined) continue
      const [left, right] = [
        ours.mount_error === undefined ? { agents: ours.agents, roles: ours.resolver?.known_roles, emitted: hasPresets ? withoutFolders(ours.emitted) : [] } : 'refused',
        other?.error === undefined ? { agents: other?.agents, roles: other?.known_roles, emitted: withoutFolders(other?.emitted) } : 'refused',
      ]
      if (JSON.stringify(sortKeys(left)) !== JSON.stringify(sortKeys(right))) differing.push({ title, ours: left, theirs: right })
    }
    expect(differing).toEqual([])
    expect(cases.length).toBeGreaterThanOrEqual(6)
    process.stdout.write(`${cases.length} sessions of ${Object.keys(agents()).length} agents: the same preferences${hasPresets ? ' and events' : ''}\n`)
  }, 120_000)
})

/** Each side has the matrix in a temporary folder of its own. */
const withoutFolders = (emitted: Outcome['emitted'] = []) => emitted.map(([event, data]) => JSON.stringify([event, data]).replaceAll(/"[^"]*\/m\.yaml"/g, '"m.yaml"')).sort()

const sortKeys = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(sortKeys) : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sortKeys(item)])) : value
