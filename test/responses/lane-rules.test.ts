import { describe, expect, test } from 'vitest'
import { judgeField, takesTool, toWireTier } from '../../src/responses/lane-rules.js'
import { build } from './build-support.js'

const PLAN_REFUSES = [
  'background', 'conversation', 'max_output_tokens', 'max_tool_calls', 'metadata', 'moderation', 'multi_agent', 'prompt',
  'prompt_cache_retention', 'safety_identifier', 'temperature', 'top_logprobs', 'top_p', 'truncation', 'user',
  'prompt_cache_options', 'prompt_cache_breakpoint', 'stop',
]
const CODEX_REFUSES = [
  'max_output_tokens', 'temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'seed', 'metadata',
  'top_logprobs', 'truncation', 'stop', 'prompt_cache_retention', 'user', 'background',
]
const API_TAKES = [
  'max_output_tokens', 'temperature', 'top_p', 'top_logprobs', 'metadata', 'max_tool_calls', 'truncation', 'user',
  'safety_identifier', 'prompt_cache_retention',
]
const ALL_TAKE = [
  'parallel_tool_calls', 'tool_choice', 'include', 'service_tier', 'prompt_cache_key', 'client_metadata', 'stream_options',
]
const PROTECTED = ['store', 'stream', 'input', 'model', 'instructions', 'type', 'previous_response_id', 'generate']
const VALUE: Record<string, unknown> = { service_tier: 'priority', include: ['x'], tool_choice: 'auto' }

describe('extra_request_params', () => {
  test.each([...CODEX_REFUSES.map((field) => ['codex', field] as const), ...PLAN_REFUSES.map((field) => ['plan', field] as const)])(
    'cannot let into the %s lane what it refuses: %s',
    (lane, field) => {
      const built = build({}, { lane, settings: { extraRequestParams: { [field]: 1 } } })
      expect(built.fields).not.toHaveProperty(field)
      expect(built.leftOut).toEqual([field])
    },
  )

  test.each(API_TAKES)('reach the api_key lane: %s', (field) => {
    const built = build({}, { lane: 'api_key', settings: { extraRequestParams: { [field]: 7 } } })
    expect(built.fields[field]).toBe(7)
    expect(built.leftOut).toEqual([])
  })

  test.each(['stop', 'seed', 'presence_penalty', 'background', 'conversation'])('are refused even there: %s', (field) => {
    expect(judgeField('api_key', field)).toBe('refused')
  })

  test.each(ALL_TAKE.flatMap((field) => (['codex', 'plan', 'api_key'] as const).map((lane) => [field, lane] as const)))(
    'set %s on the %s lane',
    (field, lane) => {
      const built = build({}, { lane, settings: { extraRequestParams: { [field]: VALUE[field] ?? 'x' } } })
      expect(built.fields).toHaveProperty(field)
      expect(built.leftOut).toEqual([])
    },
  )

  test.each(PROTECTED.flatMap((field) => (['codex', 'plan', 'api_key'] as const).map((lane) => [field, lane] as const)))(
    'never touch %s on the %s lane',
    (field, lane) => {
      const before = build({}, { lane })
      const built = build({}, { lane, settings: { extraRequestParams: { [field]: 'mine' } } })
      expect(built.fields).toEqual(before.fields)
      expect(built.items).toEqual(before.items)
      expect(built.leftOut).toEqual([field])
    },
  )

  test('pass a field that nobody knows yet', () => {
    const built = build({}, { settings: { extraRequestParams: { brand_new: { a: 1 } } } })
    expect(built.fields['brand_new']).toEqual({ a: 1 })
  })

  test('add to tools, include, reasoning and text, and lose to what the request says', () => {
    const built = build(
      { tools: [{ name: 'f', parameters: {} }], tool_choice: 'required', response_format: { type: 'json' } },
      {
        model: { effort: 'high' },
        settings: {
          textVerbosity: 'low',
          extraRequestParams: {
            tools: [{ type: 'web_search' }], include: ['web_search_call.results'], reasoning: { effort: 'low', context: 'all_turns' },
            text: { verbosity: 'high' }, tool_choice: 'none', parallel_tool_calls: false,
          },
        },
      },
    )
    expect(built.fields).toMatchObject({
      tools: [{ name: 'f' }, { type: 'web_search' }],
      include: ['reasoning.encrypted_content', 'web_search_call.results'],
      reasoning: { effort: 'high', context: 'all_turns' },
      text: { verbosity: 'high', format: { type: 'json_object' } },
      tool_choice: 'required',
      parallel_tool_calls: false,
    })
  })
})

describe('fields of the request', () => {
  const request = { max_output_tokens: 100, temperature: 0.5, top_p: 0.9, stop: ['END'], seed: 7, metadata: { a: 1 }, timeout: 3, odd: 1 }

  test.each(['codex', 'plan'] as const)('that the %s lane refuses are left out and named', (lane) => {
    const built = build(request, { lane })
    expect(built.leftOut).toEqual(['max_output_tokens', 'temperature', 'top_p', 'stop', 'seed'])
    for (const field of [...built.leftOut, 'metadata', 'timeout', 'odd']) expect(built.fields).not.toHaveProperty(field)
  })

  test('that the api_key lane takes are sent there', () => {
    const built = build(request, { lane: 'api_key' })
    expect(built.fields).toMatchObject({ max_output_tokens: 100, temperature: 0.5, top_p: 0.9 })
    expect(built.leftOut).toEqual(['stop', 'seed'])
    // The host's metadata is for the host's hooks.
    expect(built.fields).not.toHaveProperty('metadata')
  })

  test('that are null or empty are no fields', () => {
    expect(build({ stop: [], temperature: null, top_p: null, tools: null, tool_choice: null }).leftOut).toEqual([])
  })
})

test.each([
  ['codex', 'priority', 'priority'],
  ['codex', 'fast', 'priority'],
  ['codex', 'default', undefined],
  ['codex', 'flex', undefined],
  ['plan', 'priority', 'priority'],
  ['plan', 'auto', undefined],
  ['api_key', 'flex', 'flex'],
  ['api_key', 'fast', 'priority'],
] as const)('the %s lane takes service tier %s as %s', (lane, tier, expected) => {
  expect(toWireTier(lane, tier)).toBe(expected)
  for (const changes of [{ model: { serviceTier: tier } }, { settings: { extraRequestParams: { service_tier: tier } } }]) {
    const built = build({}, { lane, ...changes })
    expect(built.fields['service_tier']).toBe(expected)
    expect(built.leftOut).toEqual(expected === undefined ? [`service_tier (${tier})`] : [])
  }
})

test('the plan lane takes functions, custom tools, namespaces and web search, and no tools that run elsewhere', () => {
  for (const type of ['function', 'custom', 'namespace', 'web_search']) expect(takesTool('plan', type)).toBe(true)
  for (const type of ['image_generation', 'file_search', 'code_interpreter', 'mcp', 'tool_search']) {
    expect(takesTool('plan', type)).toBe(false)
    expect(takesTool('codex', type)).toBe(true)
  }
})
