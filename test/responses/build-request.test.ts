import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/contract/index.js'
import { build, deepFreeze, itemsOf, makeInput, payloadOf, PIXEL, PROVENANCE } from './build-support.js'
import { buildRequest } from '../../src/responses/index.js'

test('a whole turn becomes this payload', () => {
  const built = build(
    {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'text', text: 'Look' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }] },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Let me see', content: ['gAAAA', 'rs_1', PROVENANCE] },
            { type: 'text', text: 'I look.', phase: 'commentary' },
            { type: 'tool_call', id: 'call_1', name: 'read', input: { path: 'a' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'a pixel' },
        { role: 'system', content: 'Hurry.' },
      ],
      tools: [{ name: 'read', description: 'Reads', parameters: { type: 'object', properties: { path: { type: 'string' } } } }],
    },
    { model: { effort: 'high', serviceTier: 'priority' }, settings: { reasoningSummary: 'auto', textVerbosity: 'low' }, cacheKey: 'conv-1' },
  )
  expect(payloadOf(built)).toEqual({
    model: 'gpt-5.5',
    instructions: 'Be brief.',
    tools: [{
      type: 'function', name: 'read', description: 'Reads', strict: false,
      parameters: { type: 'object', properties: { path: { type: 'string' } } },
    }],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    reasoning: { effort: 'high', summary: 'auto' },
    text: { verbosity: 'low' },
    store: false,
    stream: true,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: 'conv-1',
    service_tier: 'priority',
    input: [
      {
        type: 'message', role: 'user',
        content: [{ type: 'input_text', text: 'Look' }, { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}`, detail: 'auto' }],
      },
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Let me see' }], encrypted_content: 'gAAAA' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }], phase: 'commentary' },
      { type: 'function_call', call_id: 'call_1', name: 'read', arguments: '{"path":"a"}' },
      { type: 'function_call_output', call_id: 'call_1', output: 'a pixel' },
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Hurry.' }] },
    ],
  })
  expect(built).toMatchObject({ leftOut: [], repairs: [], droppedReasoning: 0 })
})

test('the least request has empty instructions and the fields that every lane wants', () => {
  for (const lane of ['codex', 'plan', 'api_key'] as const) {
    expect(payloadOf(build({}, { lane, model: { reasons: false } }))).toEqual({
      model: 'gpt-5.5', instructions: '', parallel_tool_calls: true, store: false, stream: true,
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }],
    })
  }
})

test("the caller's request is not changed, whatever it holds", () => {
  const input = deepFreeze(makeInput({
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'x' }] },
      { role: 'assistant', content: [{ type: 'tool_call', id: 'x'.repeat(70), name: 'f', input: { a: [1] } }, { type: 'thinking', thinking: '' }] },
      { role: 'user', content: 'never mind' },
    ],
    tools: [{ name: 'f', parameters: { type: 'object' } }],
    response_format: { type: 'json_schema', schema: { type: 'object' } },
    tool_choice: { type: 'function', name: 'f' },
  }, { settings: { extraRequestParams: { reasoning: { context: 'auto' } } } }))
  const before = JSON.stringify(input)
  const built = buildRequest(input)
  expect(JSON.stringify(input)).toBe(before)
  expect(built.repairs).toEqual([{ tool_call_id: 'x'.repeat(70), tool_name: 'f' }])
})

test("a later edit of the caller's tools does not reach a request that is built", () => {
  const parameters: Record<string, unknown> = { type: 'object', properties: {} }
  const built = build({ tools: [{ name: 'f', parameters }] })
  const before = JSON.stringify(built.fields)
  parameters['properties'] = { late: {} }
  expect(JSON.stringify(built.fields)).toBe(before)
})

describe('instructions', () => {
  test.each([
    ['the first system message, wherever it stands', [{ role: 'user', content: 'a' }, { role: 'system', content: [{ type: 'text', text: 'one' }, { type: 'text', text: 'two' }] }], 'one\n\ntwo', 1],
    ['the developer message that the history begins with', [{ role: 'developer', content: 'one' }, { role: 'user', content: 'a' }], 'one', 1],
    ['no developer message that a loop added behind its turns, which would break the cached prefix', [{ role: 'user', content: 'a' }, { role: 'developer', content: 'for now' }], '', 2],
  ] as const)('are %s', (_title, messages, instructions, items) => {
    const built = build({ messages: messages as unknown as Message[] })
    expect(built.fields['instructions']).toBe(instructions)
    expect(built.items).toHaveLength(items)
  })

  test('take text alone, so a system message with an image stays in the input', () => {
    const content = [{ type: 'text' as const, text: 'look' }, { type: 'image' as const, source: { type: 'url', url: 'https://a.test/b.png' } }]
    const built = build({ messages: [{ role: 'system', content }, { role: 'user', content: 'a' }] })
    expect(built.fields['instructions']).toBe('')
    expect(payloadOf(built)['input']).toMatchObject([{ role: 'developer', content: [{ type: 'input_text' }, { type: 'input_image' }] }, {}])
  })
})

describe('reasoning', () => {
  test.each([
    ['an effort is sent as it is', { effort: 'xhigh' }, { effort: 'xhigh' }, [], []],
    ['ultra is a word of clients', { effort: 'ultra' }, { effort: 'max' }, [], []],
    ['no effort means none is sent', {}, undefined, [], []],
    ['a model that does not reason gets none', { effort: 'low', reasons: false }, undefined, ['reasoning'], []],
    ['gpt-5.5-pro refuses low', { slug: 'gpt-5.5-pro', effort: 'low' }, { effort: 'medium' }, [], ['reasoning_effort low is raised to medium: gpt-5.5-pro refuses less']],
    ['gpt-5.5-pro takes high', { slug: 'gpt-5.5-pro', effort: 'high' }, { effort: 'high' }, [], []],
    ['gpt-5.5 takes low', { effort: 'low' }, { effort: 'low' }, [], []],
  ])('%s', (_title, model, expected, leftOut, changed) => {
    const built = build({}, { model })
    expect(built.fields['reasoning']).toEqual(expected)
    expect(built.leftOut).toEqual(leftOut)
    expect(built.changed).toEqual(changed)
  })

  test.each([
    ['auto', true, { summary: 'auto' }],
    ['none', true, undefined],
    ['auto', false, undefined],
  ])('a summary setting of %s where the model takes one (%s) is %j', (reasoningSummary, supportsReasoningSummary, expected) => {
    expect(build({}, { model: { supportsReasoningSummary }, settings: { reasoningSummary } }).fields['reasoning']).toEqual(expected)
  })

  test('verbosity is left out and named where the model has none', () => {
    const built = build({}, { model: { supportsVerbosity: false }, settings: { textVerbosity: 'low' } })
    expect(built.fields).not.toHaveProperty('text')
    expect(built.leftOut).toEqual(['verbosity'])
  })
})

describe('response_format', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } }

  test.each([
    [{ type: 'text' as const }, undefined],
    [{ type: 'json' as const }, { type: 'json_object' }],
    [{ type: 'json_schema' as const, schema }, { type: 'json_schema', name: 'response', schema, strict: false }],
    [{ type: 'json_schema' as const, json_schema: schema, strict: true, name: 'my answer!' }, { type: 'json_schema', name: 'my_answer_', schema, strict: true }],
    [{ type: 'json_schema' as const, json_schema: { name: 'n', strict: true, schema } }, { type: 'json_schema', name: 'n', schema, strict: true }],
  ])('%j', (response_format, format) => {
    expect(build({ response_format }).fields['text']).toEqual(format === undefined ? undefined : { format })
  })

  test('of json_schema without a schema is refused', () => {
    expect(() => build({ response_format: { type: 'json_schema' } })).toThrow('response_format json_schema has no schema')
  })
})

test('a cache key longer than the API takes is hashed', () => {
  expect(build({}, { cacheKey: 'k'.repeat(64) }).fields['prompt_cache_key']).toBe('k'.repeat(64))
  expect(build({}, { cacheKey: 'k'.repeat(65) }).fields['prompt_cache_key']).toMatch(/^[0-9a-f]{16}$/)
})

test('a model that does not reason is not asked for encrypted reasoning', () => {
  expect(build({}, { model: { reasons: false } }).fields).not.toHaveProperty('include')
})

test('messages of the wrong type are refused by name', () => {
  const messages = 'hi' as unknown as Message[]
  expect(() => build({ messages })).toThrow('the request has no messages')
})

test('each turn of a growing conversation begins with the bytes of the turn before', () => {
  const messages: Message[] = [{ role: 'system', content: 'S' }, { role: 'user', content: 'go' }]
  let before = ''
  for (let turn = 0; turn < 5; turn += 1) {
    const items = build({ messages, tools: [{ name: 'f', parameters: {} }] }, { cacheKey: 'k' }).items.join(',')
    expect(items.startsWith(before)).toBe(true)
    before = items
    messages.push(
      { role: 'assistant', content: [{ type: 'tool_call', id: `call_${turn}`, name: 'f', input: { turn } }] },
      { role: 'tool', tool_call_id: `call_${turn}`, content: `result ${turn}` },
    )
  }
})

test('items are the same text for the same message, whether built before or not', () => {
  const messages: Message[] = [{ role: 'user', content: 'go' }, { role: 'assistant', content: 'done' }]
  expect(build({ messages }).items).toEqual(build({ messages: structuredClone(messages) }).items)
  expect(itemsOf(messages)).toHaveLength(2)
})
