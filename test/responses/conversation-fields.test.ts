import { expect, test } from 'vitest'
import type { ChatRequest } from '../../src/contract/index.js'
import { ConversationCache, type BuildInput } from '../../src/responses/index.js'
import { build } from './build-support.js'

/** The one object that a mount's settings are. */
const settings = { extraRequestParams: {} }
const TOOLS = [{ name: 'f', parameters: { type: 'object', properties: {} } }]

function makeRequest(): Omit<ChatRequest, 'messages'> & Pick<ChatRequest, 'messages'> {
  return {
    messages: [{ role: 'system', content: 'S' }, { role: 'user', content: 'go' }],
    tools: TOOLS,
    tool_choice: 'auto',
    response_format: { type: 'json_schema', name: 'n', schema: { type: 'object', properties: { a: { type: 'string' } } } },
  }
}

test('a longer history has the very fields of the one before it', () => {
  const cache = new ConversationCache()
  const first = build(makeRequest(), { cache, settings })
  const request = structuredClone(makeRequest())
  const second = build({ ...request, messages: [...request.messages, { role: 'assistant', content: 'gone' }] }, { cache, settings })
  expect(second.fields).toBe(first.fields)
  expect(second.fieldsText?.text).toBe(first.fieldsText?.text)
})

test.each<[string, Partial<ChatRequest>, Partial<BuildInput>]>([
  ['instructions', { messages: [{ role: 'system', content: 'T' }, { role: 'user', content: 'go' }] }, {}],
  ['a tool', { tools: [{ name: 'g', parameters: { type: 'object', properties: {} } }] }, {}],
  ['the tool choice', { tool_choice: 'required' }, {}],
  ['a field deep in a schema', { response_format: { type: 'json_schema', name: 'n', schema: { type: 'object', properties: { a: { type: 'number' } } } } }, {}],
  ['a field that was not there', { metadata: { user: 'u' }, verbosity: 'low' } as Partial<ChatRequest>, {}],
  ['a field taken away', { tool_choice: undefined } as Partial<ChatRequest>, {}],
  ['the settings', {}, { settings: { reasoningSummary: 'auto', extraRequestParams: { truncation: 'auto' } } }],
  ['the cache key', {}, { cacheKey: 'another' }],
  ['the lane', {}, { lane: 'api_key' }],
])('another %s makes the fields anew, as without a memory', (_what, change, terms) => {
  const cache = new ConversationCache()
  build(makeRequest(), { cache, settings })
  const request = { ...makeRequest(), ...change }
  expect(build(request, { cache, settings, ...terms })).toEqual(build(request, terms))
})

test.each(['slug', 'effort', 'serviceTier'] as const)('another %s of the model makes the fields anew', (field) => {
  const cache = new ConversationCache()
  const model = { slug: 'gpt-5.5', effort: 'low', serviceTier: 'priority', reasons: true, supportsVerbosity: true, supportsReasoningSummary: true, acceptsImages: true }
  build(makeRequest(), { cache, settings, model })
  const other = { ...model, [field]: field === 'serviceTier' ? 'flex' : field === 'effort' ? 'high' : 'gpt-5.4' }
  expect(build(makeRequest(), { cache, settings, model: other })).toEqual(build(makeRequest(), { model: other }))
})

test('an edit in place of what the caller handed in is seen', () => {
  const cache = new ConversationCache()
  const request = makeRequest()
  build(request, { cache, settings })
  ;(request.response_format as { schema: { properties: Record<string, unknown> } }).schema.properties['b'] = { type: 'null' }
  expect(build(request, { cache, settings })).toEqual(build(request))
})
