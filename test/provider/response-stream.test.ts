import { afterEach, describe, expect, test } from 'vitest'
import type { StreamEvent } from '../../src/contract/index.js'
import { ask, collect, mountOnTwin, textOf, TOOL, type Mounted } from '../support/mounted.js'

const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})

test.each(['sse', 'websocket'] as const)('events stay numbered without gaps where the caller aborts in the middle of a batch, over %s', async (transport) => {
  const mounted = await mountOnTwin({ config: { transport } })
  open.push(mounted)
  mounted.twin.enqueue({ text: 'word '.repeat(60), deltaChars: 5, stallAfterEvents: 40 })
  const controller = new AbortController()
  const seen: StreamEvent[] = []
  for await (const event of mounted.provider.stream(ask('x'), { signal: controller.signal })) {
    seen.push(event)
    if (seen.length === 6) controller.abort()
  }
  expect(seen.at(-1)).toMatchObject({ type: 'error', error: { type: 'AbortError' } })
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_event, index) => index))
})

describe.each(['sse', 'websocket'] as const)('events asked for after the response, over %s', (transport) => {
  const told = async (script: Parameters<Mounted['twin']['enqueue']>[0], request = ask('x')) => {
    const mounted = await mountOnTwin({ config: { transport, max_retries: 0 } })
    open.push(mounted)
    mounted.twin.enqueue(script)
    const stream = mounted.provider.stream(request)
    const response = await stream.response().catch((error: unknown) => error)
    const events = await collect(stream)
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index))
    return { response, events, again: await collect(stream), stream: mounted.provider.stream(request) }
  }

  test('tell the answer whole, each time they are asked for', async () => {
    const { response, events, again } = await told({ text: 'an answer in several pieces', deltaChars: 4 })
    expect(textOf(events)).toBe('an answer in several pieces')
    expect(events.at(-1)).toMatchObject({ type: 'message.end', usage: (response as { usage: unknown }).usage })
    expect(again.map(({ type }) => type)).toEqual(events.map(({ type }) => type))
  })

  test('have the tool calls that the response has', async () => {
    const { events } = await told({ toolCalls: [{ name: TOOL.name, arguments: { path: 'a' } }] }, ask('x', { tools: [TOOL] }))
    expect(events.filter(({ type }) => type.startsWith('tool_call'))).toMatchObject([{ type: 'tool_call.start', name: TOOL.name }, { type: 'tool_call.end', name: TOOL.name, arguments: { path: 'a' } }])
  })

  test('end in the error where there is one, with what had come', async () => {
    const { response, events } = await told({ text: 'a beginning of many words that never ends', deltaChars: 4, cutAfterEvents: 12 })
    expect(response).toMatchObject({ name: 'StreamError' })
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { type: 'StreamError' } })
    expect('a beginning of many words that never ends').toContain(textOf(events))
    expect(textOf(events)).not.toBe('')
  })

  test('are the error alone where nothing had come', async () => {
    const { events, again } = await told({ status: 400, body: { error: { code: 'invalid_request', message: 'No.' } } })
    expect([events, again].map((each) => each.map(({ type }) => type))).toEqual([['error'], ['error']])
  })

  test('have no thoughts for a caller who wants none', async () => {
    const mounted = await mountOnTwin({ config: { transport } })
    open.push(mounted)
    for (const thinking of [true, false]) {
      mounted.twin.enqueue({ reasoning: 'a thought', text: 'words' })
      const stream = mounted.provider.stream(ask('x'), { thinking })
      await stream.response()
      expect((await collect(stream)).map(({ type }) => type)).toEqual(['message.start', ...(thinking ? ['thinking.delta'] : []), 'text.delta', 'message.end'])
    }
  })
})

test('a response\'s calls are its list of them, and those of its blocks where it has none', async () => {
  const { provider, close } = await mountOnTwin()
  const block = { type: 'tool_call' as const, id: 'c1', name: 'read', input: { path: 'a' } }
  const content = [{ type: 'text' as const, text: 'x' }, block]
  expect(provider.parseToolCalls({ content })).toEqual([{ id: 'c1', name: 'read', arguments: { path: 'a' } }])
  expect(provider.parseToolCalls({ content, tool_calls: [] })).toEqual([])
  await close()
})

test('an iteration that begins while response() waits tells the whole answer, not its rest', async () => {
  const mounted = await mountOnTwin()
  open.push(mounted)
  const stream = mounted.provider.stream(ask('x'))
  const [response, events] = await Promise.all([stream.response(), collect(stream)])
  expect(events.at(0)).toMatchObject({ type: 'message.start', seq: 0 })
  expect(response.content).toContainEqual(expect.objectContaining({ type: 'text', text: textOf(events) }))
})
