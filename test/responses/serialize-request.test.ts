import { expect, test } from 'vitest'
import { serializeRequest, type BuiltRequest } from '../../src/responses/index.js'
import { build } from './build-support.js'

const built: BuiltRequest = {
  fields: { model: 'm', nothing: undefined, tools: [{ a: 1 }] }, items: ['{"n":1}', '{"n":2}', '{"n":3}'],
  leftOut: [], changed: [], repairs: [], droppedReasoning: 0,
}

test('over HTTP a request is its fields and then its items, as they are', () => {
  expect(serializeRequest(built)).toBe('{"model":"m","tools":[{"a":1}],"input":[{"n":1},{"n":2},{"n":3}]}')
})

test('a frame has its envelope first, and what changes with each call after the items', () => {
  expect(serializeRequest(built, { type: 'response.create', previous_response_id: 'resp_1', fromItem: 2, client_metadata: { turn: '7' } })).toBe(
    '{"type":"response.create","model":"m","tools":[{"a":1}],"previous_response_id":"resp_1","input":[{"n":3}],"client_metadata":{"turn":"7"}}',
  )
})

test('a warm-up has no items', () => {
  expect(serializeRequest(built, { type: 'response.create', generate: false, fromItem: 3 })).toBe(
    '{"type":"response.create","model":"m","tools":[{"a":1}],"generate":false,"input":[]}',
  )
})

test('a text kept for the fields is used as long as they are the object it was made from', () => {
  const fields = { tools: [{ a: 1 }] }
  const kept = { ...built, fields, fieldsText: { of: fields, text: '"tools":"kept"' } }
  expect(serializeRequest(kept)).toContain('"tools":"kept"')
  expect(serializeRequest({ ...kept, fields: { tools: [{ a: 2 }] } })).toContain('"tools":[{"a":2}]')
})

test('texts that are not harmless in JSON arrive whole', () => {
  const text = 'quote " back \\ NUL \u0000 line \u2028 end </script> \ud83d\ude00'
  const messages = [{ role: 'system' as const, content: text }, { role: 'user' as const, content: text }]
  expect(JSON.parse(serializeRequest(build({ messages })))).toMatchObject({ instructions: text, input: [{ content: [{ text }] }] })
})
