import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCallOrder } from '../../src/grpc/call-order.js'
import { call, openGrpcServer, type OpenDoor } from '../support/open-grpc-server.js'

let open: OpenDoor
beforeAll(async () => { open = await openGrpcServer() })
afterAll(() => open.close())

const reversed = (value: object) => JSON.stringify(Object.fromEntries(Object.entries(value).reverse()))

describe('a kernel whose objects have no order', () => {
  test('has the same text sent upstream for the same request', async () => {
    const parameters = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'], additionalProperties: false }
    const schema = { type: 'object', properties: { at: { type: 'number' } }, required: ['at'] }
    const input = { path: 'notes', limit: 5, from: 1 }
    const bodies: string[] = []
    for (const write of [JSON.stringify, reversed]) {
      await call(open.client, 'Complete', {
        model: 'gpt-5.5', conversation_id: 'made-up',
        messages: [
          { role: 2, text_content: 'look' },
          { role: 3, block_content: { blocks: [{ tool_call_block: { id: 'call_1', name: 'read_file', input_json: write(input) } }] } },
          { role: 4, tool_call_id: 'call_1', text_content: 'a lantern' },
        ],
        tools: [{ name: 'read_file', parameters_json: write(parameters) }],
        response_format: { json_schema: { schema_json: write(schema), strict: true } },
      })
      const { input: items, tools, text } = open.twin.responses().at(-1)?.body as Record<string, unknown>
      bodies.push(JSON.stringify({ items, tools, text }))
    }
    expect(bodies[1]).toBe(bodies[0])
    expect(bodies[0]).toContain(JSON.stringify(JSON.stringify(input)))
  })

  test('gives a call back with its arguments as the model wrote them', async () => {
    const input = { to: 'b', from: 'a', force: true }
    const tools = [{ name: 'move', parameters_json: '{"type":"object"}' }]
    const question = { role: 2, text_content: `call move ${JSON.stringify(input)}` }
    const first: Record<string, unknown> = await call(open.client, 'Complete', { model: 'gpt-5.5', messages: [question], tools })
    const [made] = first.tool_calls as { id: string; arguments_json: string }[]
    if (!made) throw new Error('no call')
    const back = { tool_call_block: { id: made.id, name: 'move', input_json: reversed(JSON.parse(made.arguments_json) as object) } }
    const messages = [question, { role: 3, block_content: { blocks: [back] } }, { role: 4, tool_call_id: made.id, text_content: 'moved' }]
    await call(open.client, 'Complete', { model: 'gpt-5.5', messages, tools })
    const { input: items } = open.twin.responses().at(-1)?.body as { input: { type: string; arguments?: string }[] }
    expect(items.find(({ type }) => type === 'function_call')?.arguments).toBe(JSON.stringify(input))
  })
})

describe('the order of arguments', () => {
  test('is the one that was seen first, as long as the arguments have the same names', () => {
    const calls = createCallOrder()
    calls.keep('call_1', { b: 1, a: 2 })
    expect(JSON.stringify(calls.keep('call_1', { a: 3, b: 4 }))).toBe('{"b":4,"a":3}')
    expect(JSON.stringify(calls.keep('call_1', { a: 3, c: 4 }))).toBe('{"a":3,"c":4}')
    expect(JSON.stringify(calls.keep('call_1', { c: 5, a: 6 }))).toBe('{"a":6,"c":5}')
    expect(JSON.stringify(calls.keep('call_1', { c: 5 }))).toBe('{"c":5}')
  })

  test('keeps a name that objects have by themselves for what it is', () => {
    const calls = createCallOrder()
    const input = JSON.parse('{"toString":1,"__proto__":{"b":2}}') as Record<string, unknown>
    calls.keep('call_1', input)
    expect(JSON.stringify(calls.keep('call_1', JSON.parse('{"__proto__":{"b":2},"toString":1}') as Record<string, unknown>))).toBe(JSON.stringify(input))
    expect(JSON.stringify(calls.keep('call_1', { a: 1, b: 2 }))).toBe('{"a":1,"b":2}')
  })

  test('is forgotten of the calls that nobody sent for longest', () => {
    const calls = createCallOrder()
    calls.keep('old', { b: 1, a: 2 })
    calls.keep('used', { b: 1, a: 2 })
    for (let count = 0; count < 10_000; count++) {
      calls.keep(`call_${count}`, { b: 1, a: 2 })
      calls.keep('used', { b: 1, a: 2 })
    }
    expect(Object.keys(calls.keep('used', { a: 1, b: 2 }))).toEqual(['b', 'a'])
    expect(Object.keys(calls.keep('old', { a: 1, b: 2 }))).toEqual(['a', 'b'])
  })
})
