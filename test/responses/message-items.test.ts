import { describe, expect, test } from 'vitest'
import { InvalidRequestError, type Message, type ContentBlock, type ThinkingBlock } from '../../src/contract/index.js'
import { NO_RESULT } from '../../src/responses/repair-tool-sequence.js'
import { build, itemsOf, PIXEL, PROVENANCE } from './build-support.js'

const call = (id: string, name = 'f', input = {}): ContentBlock => ({ type: 'tool_call', id, name, input })
const thinking = (content: unknown[], text = 't'): ThinkingBlock => ({ type: 'thinking', thinking: text, content })
const imageBlock: ContentBlock = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }
const imagePart = { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}`, detail: 'auto' }

describe('texts', () => {
  test('of one message are one item, of different phases two', () => {
    const content: ContentBlock[] = [
      { type: 'text', text: 'a', phase: 'commentary' }, { type: 'text', text: 'b', phase: 'commentary' }, { type: 'text', text: 'c', phase: 'final_answer' },
    ]
    expect(itemsOf([{ role: 'assistant', content }])).toEqual([
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'a' }, { type: 'output_text', text: 'b' }], phase: 'commentary' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'c' }], phase: 'final_answer' },
    ])
  })

  test('that are empty make no item', () => {
    expect(itemsOf([{ role: 'assistant', content: '' }, { role: 'user', content: [{ type: 'text', text: '' }] }, { role: 'user', content: [] }])).toEqual([])
  })

  test('with half a surrogate pair are made whole, and NUL bytes and emoji stay', () => {
    expect(itemsOf([{ role: 'user', content: 'a\ud83d b\u0000 \ud83d\ude00' }])).toMatchObject([{ content: [{ text: 'a\ufffd b\u0000 \ud83d\ude00' }] }])
  })

  test('that were a refusal go back as text', () => {
    expect(itemsOf([{ role: 'assistant', content: [{ type: 'text', text: 'No.', refusal: true }] }])).toMatchObject([{ content: [{ type: 'output_text', text: 'No.' }] }])
  })
})

test('a kind of block that nobody knows is left out and named', () => {
  const content = [{ type: 'hologram', data: 1 }, { type: 'text', text: 'a' }] as unknown as ContentBlock[]
  const built = build({ messages: [{ role: 'user', content }] })
  expect(built.items).toHaveLength(1)
  expect(built.leftOut).toEqual(['content block (hologram)'])
})

describe('tool calls', () => {
  test.each([
    ['an object', { a: 1 }, '{"a":1}'],
    ['JSON text', '{ "a": 1 }', '{ "a": 1 }'],
    ['nothing', undefined, '{}'],
    ['an empty text', ' ', '{}'],
    ['text that is no JSON', '{"a":', '{"_raw":"{\\"a\\":"}'],
    ['JSON that is no object', '[1]', '{"_raw":"[1]"}'],
  ])('with %s as input are sent with JSON text', (_title, input, expected) => {
    const content = [{ ...call('c'), input }] as unknown as ContentBlock[]
    expect(itemsOf([{ role: 'assistant', content }])[0]).toEqual({ type: 'function_call', call_id: 'c', name: 'f', arguments: expected })
  })

  test.each([
    [[{ ...call('c', 'sql', { input: 'SELECT 1' }), custom: true }], []],
    [[call('c', 'sql', { input: 'SELECT 1' })], [{ name: 'sql', type: 'custom', parameters: {} }]],
  ])('of custom tools go back as custom calls with a custom output', (content, tools) => {
    const messages: Message[] = [{ role: 'assistant', content }, { role: 'tool', tool_call_id: 'c', content: 'ok' }]
    expect(build({ messages, tools }).items.map((text) => JSON.parse(text) as unknown)).toEqual([
      { type: 'custom_tool_call', call_id: 'c', name: 'sql', input: 'SELECT 1' },
      { type: 'custom_tool_call_output', call_id: 'c', output: 'ok' },
    ])
  })

  test('beside the content count too, and once where they are in it as well', () => {
    const message: Message = {
      role: 'assistant', content: [call('a')],
      tool_calls: [{ id: 'a', name: 'f', arguments: {} }, { id: 'b', name: 'g', arguments: { x: 1 } }, { id: 'c', function: { name: 'h', arguments: '{}' } }],
    }
    expect(itemsOf([message]).filter((item) => item['type'] === 'function_call')).toMatchObject([
      { call_id: 'a', name: 'f' }, { call_id: 'b', name: 'g', arguments: '{"x":1}' }, { call_id: 'c', name: 'h', arguments: '{}' },
    ])
  })

  test('of tools with names that the API refuses get names that it takes', () => {
    expect(itemsOf([{ role: 'assistant', content: [call('a', 'mcp.server/tool'), call('b', '')] }])).toMatchObject([{ name: 'mcp_server_tool' }, { name: 'unknown' }, {}, {}])
  })

  test('whose input has no JSON form are refused, naming the message', () => {
    const input: Record<string, unknown> = {}
    input['self'] = input
    expect(() => itemsOf([{ role: 'user', content: 'x' }, { role: 'assistant', content: [call('a', 'f', input)] }])).toThrow(/^messages\[1\] \(assistant\): has no JSON form/)
  })

  test('carry a namespace of their own, and none of those that version 0.1.0 grouped tools in', () => {
    const content: ContentBlock[] = [call('a'), { ...call('b'), namespace: 'host' }, { ...call('c'), namespace: 'crm' }]
    const namespaces = (lane: 'codex' | 'plan') => itemsOf([{ role: 'assistant', content }], { lane }).slice(0, 3).map((item) => item['namespace'])
    expect(namespaces('plan')).toEqual([undefined, undefined, 'crm'])
    expect(namespaces('codex')).toEqual([undefined, undefined, 'crm'])
  })
})

describe('tool results', () => {
  const outputOf = (output: unknown, changes = {}) =>
    itemsOf([{ role: 'assistant', content: [call('a')] }, { role: 'user', content: [{ type: 'tool_result', tool_call_id: 'a', output }] }], changes)[1]?.['output']

  test.each([
    ['plain text', 'ok', 'ok'],
    ['nothing', null, ''],
    ['a number', 5, '5'],
    ['an object', { exit: 0, out: 'x' }, '{"exit":0,"out":"x"}'],
    ['text blocks', [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }], 'a\nb'],
    ['text blocks under content', { content: [{ type: 'text', text: 'a' }] }, 'a'],
    ['an object that says more than its content', { isError: true, content: [{ type: 'text', text: 'a' }] }, '{"isError":true,"content":[{"type":"text","text":"a"}]}'],
    ['an array of anything', [1, 'x'], '[1,"x"]'],
    ['an empty array', [], '[]'],
    ['images among text', [{ type: 'text', text: 'see' }, imageBlock], [{ type: 'input_text', text: 'see' }, imagePart]],
    ['images in the shape of tool servers', { content: [{ type: 'image', data: PIXEL, mimeType: 'image/png' }] }, [imagePart]],
  ])('of %s', (_title, output, expected) => {
    expect(outputOf(output)).toEqual(expected)
  })

  test('with images that cannot be sent say so to the model instead of ending the conversation', () => {
    expect(outputOf([imageBlock], { model: { acceptsImages: false } })).toBe('[image left out: this model does not take images]')
    expect(outputOf([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '%%' } }])).toBe('[image left out: it has data that is not base64]')
  })

  test('longer than the limit keep head and tail', () => {
    const text = `${'a'.repeat(500)}${'z'.repeat(500)}`
    const capped = String(outputOf(text, { settings: { toolOutputMaxChars: 200 } }))
    expect(capped).toMatch(/^a+\n\[… 800 or more characters left out …\]\nz+$/)
    expect(capped).toHaveLength(200)
    expect(outputOf(text, { settings: { toolOutputMaxChars: 5 } })).toBe('aaaaa')
    expect(outputOf(text, { settings: { toolOutputMaxChars: 0 } })).toBe(text)
    expect(outputOf('short', { settings: { toolOutputMaxChars: 200 } })).toBe('short')
    const parts = outputOf([{ type: 'text', text }, imageBlock, { type: 'text', text }], { settings: { toolOutputMaxChars: 200 } })
    expect(parts).toMatchObject([{ type: 'input_text', text: expect.stringContaining('left out') as string }, imagePart])
  })

  test('come as messages of the roles tool and function too', () => {
    expect(itemsOf([
      { role: 'assistant', content: [call('a', 'f'), call('b', 'g')] },
      { role: 'function', name: 'g', content: 'by name' },
      { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'by id' }] },
    ])).toMatchObject([{}, {}, { call_id: 'b', output: 'by name' }, { call_id: 'a', output: 'by id' }])
  })

  test('in a user message stand before its text', () => {
    expect(itemsOf([
      { role: 'assistant', content: [call('a')] },
      { role: 'user', content: [{ type: 'tool_result', tool_call_id: 'a', output: 'r' }, { type: 'text', text: 'next' }] },
    ])).toMatchObject([{}, { type: 'function_call_output', output: 'r' }, { role: 'user' }])
  })
})

describe('thinking', () => {
  const otherAccount = { ...PROVENANCE, account: 'zz' }

  test.each([
    ['comes back where it came from', thinking(['enc', 'rs_1', PROVENANCE]), { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 't' }], encrypted_content: 'enc' }],
    ['needs no id', thinking(['enc', null, PROVENANCE], ''), { type: 'reasoning', summary: [], encrypted_content: 'enc' }],
    ['loses an id of another kind', thinking(['enc', 'msg_1', PROVENANCE]), { type: 'reasoning', summary: [{ type: 'summary_text', text: 't' }], encrypted_content: 'enc' }],
    ['of another account stays', thinking(['enc', 'rs_1', otherAccount]), undefined],
    ['of another lane stays', thinking(['enc', 'rs_1', { ...PROVENANCE, lane: 'plan' }]), undefined],
    ['of another model stays', thinking(['enc', 'rs_1', { ...PROVENANCE, model_family: 'gpt-5.4' }]), undefined],
    ['without provenance stays', thinking(['enc', 'rs_1']), undefined],
    ['without encrypted content stays, id or not', thinking([null, 'rs_1', PROVENANCE]), undefined],
    ['that is only readable stays', { type: 'thinking', thinking: 'readable' } as ThinkingBlock, undefined],
    ['that is redacted stays', { type: 'redacted_thinking', data: 'x' } as ContentBlock, undefined],
    ['in a reasoning block comes back likewise', { type: 'reasoning', content: ['enc', 'rs_2', PROVENANCE], summary: ['s', { text: 'u' }, 3] } as ContentBlock,
      { type: 'reasoning', id: 'rs_2', summary: [{ type: 'summary_text', text: 's' }, { type: 'summary_text', text: 'u' }], encrypted_content: 'enc' }],
    ['in a reasoning block of others stays', { type: 'reasoning', content: [], summary: ['s'] } as ContentBlock, undefined],
  ])('%s', (_title, block, expected) => {
    const built = build({ messages: [{ role: 'assistant', content: [block, { type: 'text', text: 'a' }] }] })
    const reasoning = built.items.map((text) => JSON.parse(text) as { type: string }).filter((item) => item.type === 'reasoning')
    expect(reasoning).toEqual(expected === undefined ? [] : [expected])
    expect(built.droppedReasoning).toBe(expected === undefined ? 1 : 0)
    expect(built.items.join()).not.toContain('readable')
  })

  test('sends an id once, however often the history holds it', () => {
    const block = thinking(['enc', 'rs_1', PROVENANCE])
    const items = itemsOf([{ role: 'assistant', content: [block, { type: 'text', text: 'a' }] }, { role: 'user', content: 'b' }, { role: 'assistant', content: [block] }])
    expect(items.filter((item) => item['type'] === 'reasoning').map((item) => item['id'])).toEqual(['rs_1', undefined])
  })
})

describe('images', () => {
  test('that cannot be sent are refused, naming the message', () => {
    const bad: ContentBlock = { type: 'image', source: { type: 'base64', media_type: 'text/plain', data: PIXEL } }
    const attempt = (messages: Message[], changes = {}) => () => itemsOf(messages, changes)
    expect(attempt([{ role: 'system', content: 's' }, { role: 'user', content: [bad] }])).toThrow(InvalidRequestError)
    expect(attempt([{ role: 'system', content: 's' }, { role: 'user', content: [bad] }])).toThrow('messages[1] (user): its image has media type "text/plain", which is no image')
    expect(attempt([{ role: 'user', content: [imageBlock] }], { model: { acceptsImages: false } })).toThrow('messages[0] (user): model gpt-5.5 takes no images')
    expect(attempt([{ role: 'assistant', content: [imageBlock] }])).toThrow('messages[0] (assistant): images go into user messages and tool results')
  })

  test('that are too many together are refused, naming the message with which they become so', () => {
    const content = Array.from({ length: 251 }, () => imageBlock)
    expect(() => itemsOf([{ role: 'user', content }, { role: 'user', content }])).toThrow(/^messages\[1\]: with this message the request's images pass the limit \(500 images/)
  })
})

test('a call that was interrupted says so to the model', () => {
  expect(itemsOf([{ role: 'assistant', content: [call('a')] }, { role: 'user', content: 'stop' }])).toMatchObject([{}, { output: NO_RESULT }, { role: 'user' }])
})
