import { describe, expect, test } from 'vitest'
import type { ChatRequest, ToolSpec } from '../../src/contract/index.js'
import { build } from './build-support.js'

const spec = (name: string, more: Record<string, unknown> = {}): ToolSpec => ({ name, parameters: { type: 'object' }, ...more })
const wire = (name: string) => ({ type: 'function', name, parameters: { type: 'object' }, strict: false })

describe('tools', () => {
  test.each<[string, ToolSpec, Record<string, unknown>]>([
    ['a function', spec('f', { description: 'd' }), { type: 'function', name: 'f', description: 'd', parameters: { type: 'object' }, strict: false }],
    ['a strict one', spec('f', { strict: true }), { ...wire('f'), strict: true }],
    ['one without a description', spec('f', { description: null }), wire('f')],
    ['one without parameters', { name: 'f' } as ToolSpec, { ...wire('f'), parameters: { type: 'object', properties: {} } }],
    ['the older API’s shape', { type: 'function', function: { name: 'f', parameters: { type: 'object' } } } as unknown as ToolSpec, wire('f')],
    ['a hosted tool', spec('web_search', { type: 'web_search', search_context_size: 'low' }), { type: 'web_search', search_context_size: 'low' }],
    ['a custom tool', spec('sql', { type: 'custom', format: { type: 'text' } }), { type: 'custom', name: 'sql', format: { type: 'text' } }],
  ])('%s', (_title, tool, expected) => {
    expect(build({ tools: [tool] }).fields['tools']).toEqual([expected])
  })

  test('keep the order of the caller', () => {
    const names = ['z', 'a', 'm']
    expect(build({ tools: names.map((name) => spec(name)) }).fields['tools']).toEqual(names.map(wire))
  })

  test('without a name are refused', () => {
    expect(() => build({ tools: [spec('a'), spec('')] })).toThrow(/^tools\[1\] has no name \[invalid_tool\]$/)
  })
})

describe('tool_choice', () => {
  const tools = [spec('read'), spec('sql', { type: 'custom' }), spec('web_search', { type: 'web_search' })]

  test.each<[ChatRequest['tool_choice'], unknown]>([
    [undefined, 'auto'],
    ['auto', 'auto'],
    ['none', 'none'],
    ['required', 'required'],
    ['read', { type: 'function', name: 'read' }],
    ['sql', { type: 'custom', name: 'sql' }],
    ['web_search', { type: 'web_search' }],
    [{ type: 'allowed_tools', mode: 'auto', tools: [] }, { type: 'allowed_tools', mode: 'auto', tools: [] }],
    [{ type: 'function', function: { name: 'read' } }, { type: 'function', name: 'read' }],
  ])('%j', (tool_choice, expected) => {
    expect(build({ tools, tool_choice }).fields['tool_choice']).toEqual(expected)
  })

  test('that names no tool is refused with the names there are', () => {
    expect(() => build({ tools, tool_choice: 'raed' })).toThrow('tool_choice names "raed", which is none of the request\'s tools: read, sql, web_search')
    expect(() => build({ tool_choice: 'read' })).toThrow('there are none')
  })
})

describe('on the plan lane', () => {
  const tools = [spec('read'), spec('web_search', { type: 'web_search' }), spec('sql', { type: 'custom' }), spec('img', { type: 'image_generation' })]

  test('the caller’s tools stand in an item before all others, under their own names, and what the lane has not is named', () => {
    const built = build({ tools }, { lane: 'plan' })
    expect(built.fields['tools']).toEqual([{ type: 'web_search' }])
    expect(built.items.map((item) => JSON.parse(item) as unknown)).toEqual([
      { type: 'additional_tools', role: 'developer', tools: [wire('read'), { type: 'custom', name: 'sql' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
    ])
    expect(built.leftOut).toEqual(['tools (image_generation)'])
  })

  test('a choice names a tool as it does elsewhere', () => {
    const built = build({ tools: [spec('read'), spec('write')], tool_choice: 'write' }, { lane: 'plan' })
    expect(built.fields).toMatchObject({ tool_choice: { type: 'function', name: 'write' } })
    expect(built.fields).not.toHaveProperty('tools')
    expect(build({ tools: [spec('read')] }, { lane: 'plan' }).fields['tool_choice']).toBe('auto')
  })
})
