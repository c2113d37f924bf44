import { describe, expect, test } from 'vitest'
import {
  AnswerReader, decodeEvent, terminalToFailure, type BlockEvent,
} from '../../src/responses/index.js'
import { isFailure, isTerminal, readDoneItems, readRecordings, type Recording } from './read-recording.js'

const provenance = { account: 'a1', lane: 'codex', model_family: 'gpt-5' }
const recordings = readRecordings()

const namespaceOf = (item: Record<string, unknown>) => (item['namespace'] === undefined ? {} : { namespace: item['namespace'] })

/** What a recording's done items say, read without any of our code. */
function expectedBlocks(recording: Recording) {
  const join = (parts: unknown) => (parts as { text: string }[]).map((part) => part.text).join('\n\n')
  return readDoneItems(recording).flatMap((item): Record<string, unknown>[] => {
    switch (item['type']) {
      case 'message':
        return (item['content'] as Record<string, unknown>[]).map((part) => ({
          type: 'text', text: part['text'],
          ...(item['phase'] ? { phase: item['phase'] } : {}),
          ...((part['annotations'] as unknown[]).length > 0 ? { annotations: part['annotations'] } : {}),
        }))
      case 'reasoning': {
        const encrypted = item['encrypted_content']
        if (encrypted) return [{ type: 'thinking', thinking: join(item['summary']), content: [encrypted, item['id'], provenance] }]
        return (item['summary'] as unknown[]).length > 0 ? [{ type: 'thinking', thinking: join(item['summary']) }] : []
      }
      case 'function_call':
        return [{ type: 'tool_call', id: item['call_id'], name: item['name'], input: JSON.parse(String(item['arguments'])) as unknown, ...namespaceOf(item) }]
      case 'custom_tool_call':
        return [{ type: 'tool_call', id: item['call_id'], name: item['name'], input: { input: item['input'] }, custom: true, ...namespaceOf(item) }]
      default:
        return [{ type: 'hosted', item, ...(item['encrypted_content'] ? { content: [item['encrypted_content'], item['id'], provenance] } : {}) }]
    }
  })
}

function run(values: readonly unknown[]): { reader: AnswerReader; steps: BlockEvent[] } {
  const reader = new AnswerReader({ provenance })
  const steps: BlockEvent[] = []
  for (const value of values) {
    const event = decodeEvent(value)
    if (!event) continue
    reader.accept(event, steps)
  }
  return { reader, steps }
}

/** The blocks that the steps showed, each as one text. */
function shownBlocks(steps: readonly BlockEvent[]) {
  const blocks: Record<string, unknown>[] = []
  for (const step of steps) {
    if (step.type === 'block_start') blocks[step.index] = { block: step.block, text: '', name: step.name, ends: 0 }
    const block = blocks[step.index] as { text: string; ends: number; arguments?: unknown; item?: unknown }
    if (step.type === 'block_delta') block.text += step.text
    if (step.type === 'block_end') {
      block.ends++
      if (step.arguments) block.arguments = step.arguments
      if (step.item) block.item = step.item
    }
  }
  return blocks
}

/** The same, from what the done items say. */
function expectedShown(recording: Recording) {
  return readDoneItems(recording).flatMap((item): Record<string, unknown>[] => {
    if (!OURS.has(String(item['type']))) return [{ block: 'hosted', text: '', name: item['type'], ends: 1, item }]
    return expectedBlocks({ ...recording, events: [{ type: 'response.output_item.done', output_index: 0, item }] }).flatMap((block): Record<string, unknown>[] => {
      if (block['type'] === 'text') return [{ block: 'text', text: block['text'], name: undefined, ends: 1 }]
      if (block['type'] === 'thinking') return block['thinking'] === '' ? [] : [{ block: 'thinking', text: block['thinking'], name: undefined, ends: 1 }]
      return [{ block: 'tool_use', text: item['arguments'] ?? item['input'], name: block['name'], ends: 1, arguments: block['input'] }]
    })
  })
}

/** The items that become blocks of the response; any other is shown as it is. */
const OURS = new Set(['message', 'reasoning', 'function_call', 'custom_tool_call'])

const answers = recordings.filter((recording) => !isFailure(recording))

test('the streams of the project are as their generator makes them', async () => {
  const { STREAMS, linesOf } = (await import(new URL('../fixtures/streams/make.mjs', import.meta.url).href)) as { STREAMS: object; linesOf(name: string): string }
  expect(Object.keys(STREAMS).length).toBeGreaterThan(15)
  for (const name of Object.keys(STREAMS)) expect(`${recordings.find((one) => one.name === name)?.lines.join('\n')}\n`).toBe(linesOf(name))
})

describe.each(answers)('$name', (recording) => {
  test('decodes to its done items, and its steps show the same', () => {
    const { reader, steps } = run(recording.events)
    expect(reader.ended).toEqual({ kind: 'completed' })
    expect(reader.response().content).toEqual(expectedBlocks(recording))
    expect(reader.items()).toEqual(readDoneItems(recording))
    expect(shownBlocks(steps)).toEqual(expectedShown(recording))
  })

  test('decodes the same where the terminal has no output, and where nothing but the terminal has it', () => {
    const bare = recording.events.map((event) =>
      event['type'] === 'response.completed' ? { ...event, response: { ...(event['response'] as object), output: [] } } : event)
    expect(run(bare).reader.response().content).toEqual(expectedBlocks(recording))

    const last = { ...recording.events.at(-1), response: { ...(recording.events.at(-1)?.['response'] as object), output: readDoneItems(recording) } }
    const { reader, steps } = run([last])
    expect(reader.response().content).toEqual(expectedBlocks(recording))
    expect(shownBlocks(steps)).toEqual(expectedShown(recording))
  })

  test('cut after every event short of its terminal it is a failure without half a tool call', () => {
    const done = expectedBlocks(recording)
    const end = recording.events.findIndex(isTerminal)
    for (let cut = 0; cut < end; cut++) {
      const { reader, steps } = run(recording.events.slice(0, cut))
      expect(reader.ended).toBeUndefined()
      expect(terminalToFailure(reader.ended)).toMatchObject({ kind: 'cut' })
      const partial = reader.partial()
      const whole = done.filter((block) => block['type'] === 'tool_call').map((block) => block['id'])
      for (const call of partial?.tool_calls ?? []) expect(whole).toContain(call.id)
      for (const block of partial?.content ?? []) {
        if (block.type === 'text') expect(done.some((one) => String(one['text']).startsWith(block.text))).toBe(true)
      }
      for (const shown of shownBlocks(steps)) expect(shown['ends']).toBeLessThanOrEqual(1)
    }
  })

  test('ends at its terminal: nothing after it is taken in', () => {
    const { reader, steps } = run([...recording.events, ...recording.events])
    expect(reader.response().content).toEqual(expectedBlocks(recording))
    expect(shownBlocks(steps)).toEqual(expectedShown(recording))
  })

  test('unknown events and items between the known ones lose nothing', () => {
    const noise = [{ type: 'response.new_thing.delta', delta: 'x', output_index: 0 }, { type: 'x' }, null, 7, 'text', [], {}]
    const noisy = recording.events.flatMap((event) => [...noise, event])
    const { reader, steps } = run(noisy)
    expect(reader.response().content).toEqual(expectedBlocks(recording))
    expect(shownBlocks(steps)).toEqual(expectedShown(recording))
  })
})

test.each(recordings.filter(isFailure))('$name ends the answer with its own code, and never as an empty success', (recording) => {
  const { reader, steps } = run(recording.events)
  expect(reader.ended).toMatchObject({ kind: 'error', failure: { source: 'frame', error: { code: 'insufficient_quota' } } })
  expect(reader.partial()).toBeUndefined()
  expect(steps).toEqual([])
  const failed = run(recording.events.filter((event) => event['type'] !== 'error')).reader
  expect(failed.ended).toMatchObject({ kind: 'failed', failure: { source: 'terminal', error: { code: 'insufficient_quota' } } })
})
