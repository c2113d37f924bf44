import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { openCallRecorder } from '../../src/cli/record-calls.js'
import { mountOnHost } from '../../src/mount-on-host.js'
import {
  composeEffectiveMatrix, loadMatrix, readRecording, replayRecording, validateMatrix, type CallRecord, type ReplayOptions, type ReplayRecord,
} from '../../src/routing/index.js'
import { startTwin } from '../../src/twin/index.js'
import { candidate, role } from './support.js'

const CATALOG: ReplayRecord = {
  type: 'catalog', version: 1, time: '2026-11-21T09:00:00.000Z', provider: 'openai-chatgpt', models: ['gpt-6.1-sol', 'gpt-6-luna', 'gpt-5.5'],
}
const START = Date.parse('2026-11-21T09:00:00.000Z')
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString()

function call(second: number, fields: Partial<CallRecord> = {}): CallRecord {
  return {
    type: 'call', version: 1, time: at(second), status: 'ok', duration_ms: 900, provider: 'openai-chatgpt', role: 'coding', roles: ['coding'], matrix: 'mine',
    model: 'gpt-6.1-sol', effort: 'high', tokens: { input_tokens: 1000, cached_tokens: 500, output_tokens: 300, reasoning_tokens: 200 }, ...fields,
  }
}

const matrixOf = (roles: Record<string, ReturnType<typeof role>>, more: object = {}) =>
  composeEffectiveMatrix(validateMatrix({ name: 'other', ...more, roles: { general: role(candidate('gpt-5.5')), fast: role(candidate('gpt-6-luna')), ...roles } }))

const replay = (records: readonly ReplayRecord[], options: Partial<ReplayOptions> & Pick<ReplayOptions, 'matrix'>) =>
  replayRecording({ records: [CATALOG, ...records], plan: { providers: [{ module: 'provider-openai-chatgpt', id: 'openai-chatgpt' }] }, ...options })

describe('replayRecording', () => {
  test('says role by role what would have served, and leaves calls that named a model where they were', async () => {
    const { roles, ...report } = await replay(
      [call(1), call(2), call(3, { role: undefined, roles: undefined, model: 'gpt-5.5', effort: undefined }), call(4, { status: 'error', tokens: undefined })],
      { matrix: matrixOf({ coding: role(candidate('gpt-*-luna', { reasoning_effort: 'high' })) }) })
    expect(roles.map(({ role: name, calls, moved, predicted }) => [name, calls, moved, predicted.served])).toEqual([
      ['coding', 2, 2, [{ model: 'gpt-6-luna', effort: 'high', calls: 2 }]], [null, 1, 0, [{ model: 'gpt-5.5', calls: 1 }]],
    ])
    expect(report).toEqual({
      matrix: 'other', calls: 3, failed: 1, from: at(1), to: at(4), windows: [], unrated: [], unlearned: [],
      total: {
        recorded: { served: [{ model: 'gpt-6.1-sol', effort: 'high', calls: 2 }, { model: 'gpt-5.5', calls: 1 }], tokens: { input_tokens: 3000, cached_tokens: 1500, output_tokens: 900, reasoning_tokens: 600 }, percent: [], percent_error: [] },
        predicted: { served: [{ model: 'gpt-6-luna', effort: 'high', calls: 2 }, { model: 'gpt-5.5', calls: 1 }], tokens: { input_tokens: 3000, cached_tokens: 1500, output_tokens: 900, reasoning_tokens: 600 }, percent: [], percent_error: [] },
      },
    })
  })

  test('under the matrix it was recorded with nothing moves', async () => {
    const { roles } = await replay([call(1)], { matrix: matrixOf({ coding: role(candidate('gpt-[0-9]*-sol', { reasoning_effort: 'high' })) }) })
    expect(roles).toEqual([expect.objectContaining({ moved: 0, recorded: roles[0]?.predicted })])
  })

  test('names what would not have resolved, and why', async () => {
    const { roles } = await replay([call(1), call(2, { role: 'fats', roles: ['fats'] })], { matrix: matrixOf({ coding: role(candidate('gpt-9-sol'), candidate('claude-5', undefined, 'anthropic')) }) })
    expect(roles.map(({ role: name, unresolved }) => [name, unresolved])).toEqual([
      ['coding', { calls: 1, reason: 'openai-chatgpt/gpt-9-sol: none of 3 models; the nearest is gpt-6.1-sol; anthropic/claude-5: not mounted' }],
      ['fats', { calls: 1, reason: 'the matrix has no role fats (did you mean fast?)' }],
    ])
    expect(roles[0]?.predicted).toEqual({ served: [], tokens: { input_tokens: 0, cached_tokens: 0, output_tokens: 0, reasoning_tokens: 0 }, percent: [], percent_error: [] })
  })

  test('a preset sees the recorded caller, and what was used up stays used up', async () => {
    const caller = { family: 'openai-chatgpt', model: 'gpt-6-luna', effort: 'low', provider_key: 'provider-openai-chatgpt' }
    const matrix = composeEffectiveMatrix(await loadMatrix('openai-chatgpt', { home: '/nowhere' }))
    const { roles } = await replay([call(1, { caller }), call(2, { exhausted: ['gpt-6.1-sol'] })], { matrix })
    expect(roles[0]?.predicted.served).toEqual([{ model: 'gpt-6-luna', effort: 'low', calls: 1 }, { model: 'gpt-5.5', effort: 'high', calls: 1 }])
  })

  test('reasoning follows the effort where the recording shows how long a model thinks, else it is named', async () => {
    const slow = Array.from({ length: 6 }, (_, n) => call(n))
    const quick = Array.from({ length: 6 }, (_, n) => call(10 + n, { role: 'fast', roles: ['fast'], effort: 'low', tokens: { input_tokens: 100, cached_tokens: 0, output_tokens: 125, reasoning_tokens: 25 } }))
    const low = matrixOf({ coding: role(candidate('gpt-6.1-sol', { reasoning_effort: 'low' })), fast: role(candidate('gpt-6.1-sol', { reasoning_effort: 'low' })) })
    const { roles, unlearned } = await replay([...slow, ...quick], { matrix: low })
    expect([roles.find((entry) => entry.role === 'coding')?.predicted.tokens, unlearned]).toEqual([
      { input_tokens: 6000, cached_tokens: 3000, output_tokens: 750, reasoning_tokens: 150 }, [],
    ])
    const max = await replay(slow, { matrix: matrixOf({ coding: role(candidate('gpt-5.5', { reasoning_effort: 'max' })) }) })
    expect(max.unlearned).toEqual([{ model: 'gpt-5.5', effort: 'max' }])
  })

  test('learns what a model draws from the windows’ own figures over a reset, and asks for the rate it cannot know', async () => {
    const rate = { 'gpt-6.1-sol': [0.002, 0.0002, 0.016], 'gpt-6-luna': [0.0004, 0.00004, 0.0032] } as const
    let used = 10
    let resets = 3_000
    const random = (n: number) => (n * 7919) % 1013
    const calls = Array.from({ length: 120 }, (_, n) => {
      if (n === 60) [used, resets] = [0, 21_000]
      const model = n % 3 === 0 ? 'gpt-6-luna' : 'gpt-6.1-sol'
      const tokens = { input_tokens: 500 + random(n), cached_tokens: random(n + 5) % 400, output_tokens: 20 + random(n + 9) % 300, reasoning_tokens: 10 }
      const [fresh, cached, output] = rate[model]
      const seen = used
      used += (tokens.input_tokens - tokens.cached_tokens) * fresh + tokens.cached_tokens * cached + tokens.output_tokens * output
      return call(n * 10, { model, tokens, windows: [{ limit_id: 'codex', window_minutes: 300, used_percent: seen, resets_at: at(resets), observed_at: at(n * 10 - 1) }] })
    })
    const luna = matrixOf({ coding: role(candidate('gpt-6-luna', { reasoning_effort: 'high' })) })
    const { windows, total, unrated } = await replay(calls, { matrix: luna })
    const drawn = (rates: (model: keyof typeof rate) => readonly number[]) => calls.reduce((sum, { model, tokens }) => {
      const [fresh = 0, cached = 0, output = 0] = rates(model as keyof typeof rate)
      return sum + (tokens!.input_tokens - tokens!.cached_tokens) * fresh + tokens!.cached_tokens * cached + tokens!.output_tokens * output
    }, 0)
    expect(windows).toEqual([{ limit_id: 'codex', window_minutes: 300, observed_percent: expect.any(Number) as number, readings: 120 }])
    expect(total.recorded.percent[0]).toBeCloseTo(drawn((model) => rate[model]), 3)
    expect(total.predicted.percent[0]).toBeCloseTo(drawn(() => rate['gpt-6-luna']), 3)
    expect(total.predicted.percent_error[0]).toBeLessThan(0.02)
    expect(unrated).toEqual([])
    // In whole percents less is known, and the error says how much less.
    const whole = calls.map((entry) => ({ ...entry, windows: (entry.windows ?? []).map((window) => ({ ...window, used_percent: Math.floor(window.used_percent) })) }))
    const { percent: [guess], percent_error: [error] } = (await replay(whole, { matrix: luna })).total.predicted
    expect([guess, error]).toEqual([expect.any(Number), expect.any(Number)])
    expect(Math.abs(guess! - drawn(() => rate['gpt-6-luna']))).toBeLessThan(error!)
    expect(error!).toBeLessThan(0.6 * guess!)
    const other = matrixOf({ coding: role(candidate('gpt-5.5', { reasoning_effort: 'high' })) })
    expect(await replay(calls, { matrix: other })).toMatchObject({ unrated: ['gpt-5.5'], total: { predicted: { percent: [null] } } })
    const told = await replay(calls, { matrix: other, rates: [{ model: 'gpt-5.5', factor: 0.5, of: 'gpt-6.1-sol' }] })
    expect(told.total.predicted.percent[0]).toBeCloseTo(drawn(() => rate['gpt-6.1-sol']) / 2, 3)
  })

  test('a recording without calls is an empty report', async () => {
    expect(await replay([], { matrix: matrixOf({}) })).toMatchObject({ calls: 0, failed: 0, roles: [], windows: [] })
  })
})

describe('readRecording', () => {
  const line = (fields: object) => JSON.stringify({ ...call(1), ...fields })

  test('takes back what was written, and passes over kinds that it does not know', () => {
    const records = [CATALOG, call(1, { caller: { family: 'x', model: 'm', effort: null, provider_key: 'k' }, windows: [{ limit_id: 'codex', window_minutes: 300, used_percent: 1.5, observed_at: at(0) }] })]
    expect(readRecording(`${records.map((record) => JSON.stringify(record)).join('\n')}\n\n{"type":"weather"}\n`, 'f')).toEqual(JSON.parse(JSON.stringify(records)))
  })

  test.each([
    ['{"type":"call","version":1,', 'the last line is cut; take it out'],
    ['[1]\n', 'this is no JSON object'],
    ['{}\n', 'type is missing'],
    [`${line({ version: 2 })}\n`, 'version is 2'],
    [`${line({ status: 'maybe' })}\n`, 'status must be ok or error'],
    [`${line({ time: 'noon' })}\n`, 'time must be a time'],
    [`${line({ model: 5 })}\n`, 'model must be a text'],
    [`${line({ tokens: { input_tokens: -1 } })}\n`, 'tokens.input_tokens must be a number from 0 up'],
    [`${line({ tokens: { input_tokens: 1, cached_tokens: 2, output_tokens: 0, reasoning_tokens: 0 } })}\n`, 'tokens.cached_tokens is more than tokens.input_tokens'],
    [`${line({ windows: [{ limit_id: 'codex' }] })}\n`, 'windows[0].window_minutes must be a number'],
    [`${line({ caller: { effort: 3 } })}\n`, 'caller.effort must be a text or null'],
    [`${line({ roles: 'coding' })}\n`, 'roles must be a list of texts'],
  ])('%s: names file, line and key, and how recordings are made', (text, words) => {
    expect(() => readRecording(`${JSON.stringify(CATALOG)}\n${text}`, 'day.jsonl')).toThrow(`day.jsonl:2: ${words}`)
    expect(() => readRecording(`${JSON.stringify(CATALOG)}\n${text}`, 'day.jsonl')).toThrow('amplifier-chatgpt run --record FILE')
  })
})

describe('a seeded day of agents', () => {
  test('what a replay predicts is what a second run under the other matrix measures, within 5 percent', async () => {
    const { compareDays } = (await import(new URL('../soak/agents-day.mjs', import.meta.url).href)) as {
      compareDays(rooms: object, day: object): Promise<{ rows: [string, number, number, number][]; text: string; predicted: { roles: object[] } }>
    }
    const seed = Number(process.env['TEST_SEED'] ?? 11)
    const { rows, text, predicted } = await compareDays(
      { startTwin, mountOnHost, openCallRecorder, composeEffectiveMatrix, loadMatrix, readRecording, replayRecording },
      { seed, agents: 4, calls: 140, from: 'openai-chatgpt', to: fileURLToPath(new URL('../fixtures/routing/frugal.yaml', import.meta.url)) })
    expect(rows.map(([name]) => name), `seed ${seed}`).toEqual(['input_tokens', 'cached_tokens', 'output_tokens', 'reasoning_tokens', 'primary window, %', 'secondary window, %'])
    for (const row of rows) expect(Math.abs(row[3]), row.join(' ')).toBeLessThanOrEqual(5)
    expect(predicted.roles.length).toBeGreaterThan(5)
    // Roles, models and figures; nothing that was said.
    expect(text).not.toMatch(/quoted|naïve|Agent|acct_/)
  }, 120_000)
})
