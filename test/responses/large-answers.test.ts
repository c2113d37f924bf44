import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/contract/index.js'
import { AnswerReader, decodeEvent, type BlockEvent } from '../../src/responses/index.js'

const COUNT = 40_000
const message = (index: number): JsonObject => ({ type: 'message', id: `msg_${index}`, role: 'assistant', content: [{ type: 'output_text', text: 'x' }] })
const KINDS: [string, (index: number) => JsonObject][] = [
  ['reported done', (index) => ({ type: 'response.output_item.done', output_index: index, item: message(index) })],
  ['announced and never done', (index) => ({ type: 'response.output_item.added', output_index: index, item: message(index) })],
  ['without ids and places', () => ({ type: 'response.output_item.done', item: { ...message(0), id: undefined } })],
  ['that are calls', (index) => ({ type: 'response.output_item.done', output_index: index, item: { type: 'function_call', id: `fc_${index}`, call_id: `call_${index}`, name: 'run', arguments: '{}' } })],
]

function read(events: readonly JsonObject[]): { reader: AnswerReader; blocks: BlockEvent[] } {
  const reader = new AnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'gpt-5' } })
  const blocks: BlockEvent[] = []
  for (const event of events) {
    const decoded = decodeEvent(event)
    if (decoded) reader.accept(decoded, blocks)
  }
  return { reader, blocks }
}

/** Looking through all items for each took 16 s for as many. */
test.each(KINDS)('40,000 items %s are read in time', (_name, make) => {
  const startedMs = performance.now()
  const { reader } = read([
    { type: 'response.created', response: { id: 'resp_1', status: 'in_progress' } },
    ...Array.from({ length: COUNT }, (_, index) => make(index)),
    { type: 'response.completed', response: { id: 'resp_1', status: 'completed', output: Array.from({ length: COUNT }, (_, index) => message(index)) } },
  ])
  expect(reader.response().content.length).toBeGreaterThanOrEqual(COUNT)
  expect(performance.now() - startedMs).toBeLessThan(15_000)
})

test.each([
  ['gpt-5.5-2026-04-23', 'gpt-5.5-2026-04-23'],
  ['eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWRlLXVwIn0.c2ln', 'gpt-5.5'],
  ['sk-made-up-key', 'gpt-5.5'],
  ['rt_made-up-refresh-token-of-some-length', 'gpt-5.5'],
  ['x'.repeat(80), 'gpt-5.5'],
  ['two words', 'gpt-5.5'],
])('the model that a header names as %s is told as %s', (header, told) => {
  const { reader } = read([{ type: 'response.created', response: { id: 'resp_1', model: 'gpt-5.5' } }])
  reader.observeHeaders({ 'openai-model': header })
  expect(reader.servedModel).toBe(told)
})
