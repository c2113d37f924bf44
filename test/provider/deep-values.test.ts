import { describe, expect, onTestFinished, test } from 'vitest'
import { isLLMError, type ChatRequest, type JsonObject } from '../../src/contract/index.js'
import { isTooDeep, parseJson } from '../../src/lib/index.js'
import { ask, collect, failureOf, mount, textOf } from '../support/mounted.js'

/** Whatever escapes every promise while the test runs. */
function watchForEscapes(): unknown[] {
  const escaped: unknown[] = []
  const note = (error: unknown) => void escaped.push(error)
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  onTestFinished(() => void process.off('uncaughtException', note).off('unhandledRejection', note))
  return escaped
}

/** A schema of so many levels that ends in `leaf`. */
function nest(levels: number, leaf: string): JsonObject {
  let schema: JsonObject = { type: 'string', description: leaf }
  for (let level = 0; level < levels; level += 2) schema = { type: 'object', properties: { a: schema } }
  return schema
}

const TURNS: [string, (levels: number, leaf: string) => Partial<ChatRequest>][] = [
  // Lists: the comparison of two requests ended a process at 2,600 levels of them, while their JSON could still be written.
  ['lists in tools', (levels, leaf) => ({ tools: [{ name: 'deep', parameters: { type: 'object', enum: Array.from({ length: levels }).reduce<unknown[]>((inner) => [inner], [leaf]) } }] })],
  ['tools', (levels, leaf) => ({ tools: [{ name: 'deep', parameters: nest(levels, leaf) }] })],
  ['a format', (levels, leaf) => ({ response_format: { type: 'json_schema', schema: nest(levels, leaf) } })],
  ['an unknown field', (levels, leaf) => ({ text: nest(levels, leaf) })],
]

describe.each(['sse', 'websocket'] as const)('over %s', (transport) => {
  test.each(TURNS)('two turns whose %s differ deep inside are answered, or refused by a typed error, and nothing escapes', async (_name, make) => {
    const escaped = watchForEscapes()
    const { provider } = await mount({ config: { transport } })
    for (const levels of [100, 400]) {
      for (const leaf of ['one', 'other']) await provider.complete(ask('x', { conversation_id: 'c', ...make(levels, leaf) }))
    }
    for (const levels of [2600, 6000]) {
      for (const leaf of ['one', 'other']) {
        expect(await failureOf(provider.complete(ask('x', { conversation_id: 'c', ...make(levels, leaf) })))).toMatchObject({ name: 'InvalidRequestError', code: expect.stringMatching(/too_deep|no_json_form/) as string })
      }
    }
    expect(escaped).toEqual([])
  })

  test('a call whose arguments nest deeper than any stack is refused by name', async () => {
    const { provider } = await mount({ config: { transport } })
    const request: ChatRequest = { messages: [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: [{ type: 'tool_call', id: 'c', name: 'deep', input: nest(20_000, 'leaf') }] },
      { role: 'tool', tool_call_id: 'c', content: 'r' },
    ] }
    expect(await failureOf(provider.complete(request))).toMatchObject({ name: 'InvalidRequestError', code: 'too_deep', message: expect.stringContaining('messages[1]') as string })
    const circle: JsonObject = {}
    circle['self'] = circle
    expect(await failureOf(provider.complete({ ...request, messages: [{ role: 'assistant', content: [{ type: 'tool_call', id: 'c', name: 'x', input: circle }] }] }))).toMatchObject({ name: 'InvalidRequestError', code: 'invalid_message' })
  })

  test.each([1000, 100_000])('an answer that nests %d levels deep is a typed error, before any of it is shown', async (levels) => {
    const escaped = watchForEscapes()
    const { provider, twin } = await mount({ config: { transport } })
    // Brackets, since the twin's own writer would run out of stack too.
    const deep = '['.repeat(levels) + ']'.repeat(levels)
    const item = `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":${deep}}]}`
    twin.enqueue({ events: [
      '{"type":"response.created","response":{"id":"resp_1","status":"in_progress"}}',
      `{"type":"response.output_item.done","output_index":0,"item":${item}}`,
      '{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}',
    ] })
    const stream = provider.stream(ask('x'))
    const events = await collect(stream)
    const failure = await failureOf(stream.response())
    expect(isLLMError(failure)).toBe(true)
    expect({ name: failure.name, text: textOf(events), end: events.at(-1)?.type, escaped }).toEqual({ name: 'StreamError', text: '', end: 'error', escaped: [] })
    expect(textOf(await collect(provider.stream(ask('still here'))))).toBe('You said: still here')
  })
})

test('a host whose hasHandlers, emit and warn throw has its calls answered all the same', async () => {
  const escaped = watchForEscapes()
  const fail = (): never => { throw new Error('the host fell over') }
  const { provider, host } = await mount({ parts: { warn: fail } })
  const { hooks } = host.coordinator
  const { emit } = hooks
  Object.assign(hooks, { hasHandlers: fail, emit: fail })
  expect(textOf(await collect(provider.stream(ask('hello'))))).toBe('You said: hello')
  Object.assign(hooks, { emit })
  expect(escaped).toEqual([])
})

test('JSON is read down to 500 levels', () => {
  const nested = (levels: number, [begin, end]: [string, string]) => begin.repeat(levels) + '1' + end.repeat(levels)
  expect([500, 501].map((levels) => parseJson(nested(levels, ['[', ']'])) === undefined)).toEqual([false, true])
  expect([500, 501].map((levels) => parseJson(nested(levels, ['{"a":', '}'])) === undefined)).toEqual([false, true])
  expect(isTooDeep(Array.from({ length: 100_000 }, () => [{}]))).toBe(false)
})
