import type { ChatRequest, StreamEvent } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { expectSame, expectThat, textOf, thoughtOf } from './expect.js'
import { CONTRACT_USAGE, LOOK, SCHEMA, SEALED, WIRE_USAGE, buildThoughtRecording, formatOf, inputOf } from './scripts.js'
import type { Check, CheckContext } from './types.js'

/** Answers: what the model said arrives, whole, counted, and can go back. */
export const ANSWER_CHECKS: readonly Check[] = [
  {
    name: 'plain text',
    async run({ twin, ask, complete }) {
      twin.enqueue({ text: 'Good morning, «Zürich» 🏔' })
      const response = await complete(ask('greet'))
      expectSame(textOf(response), 'Good morning, «Zürich» 🏔', 'the text')
      expectSame(response.finish_reason, 'stop', 'finish_reason')
    },
  },
  { name: 'stream equals complete', needs: 'stream', run: streamEqualsComplete },
  { name: 'tool call and result round trip', run: toolRoundTrip },
  { name: 'reasoning goes back unchanged', run: reasoningGoesBack },
  {
    name: 'usage with cached and reasoning tokens',
    async run({ twin, ask, complete }) {
      twin.enqueue({ text: 'counted', usage: WIRE_USAGE })
      const { usage } = await complete(ask('count'))
      const found = Object.fromEntries(Object.keys(CONTRACT_USAGE).map((key) => [key, usage?.[key]]))
      expectSame(found, CONTRACT_USAGE, 'usage')
    },
  },
  {
    name: 'JSON mode and schema go through',
    async run({ twin, ask, complete }) {
      const response = await complete(ask('Where? Answer in JSON.', { response_format: { type: 'json_schema', name: 'place', schema: SCHEMA, strict: true } }))
      const sent = formatOf(twin.responses().at(-1))
      expectSame([sent['type'], sent['schema']], ['json_schema', SCHEMA], 'the format sent')
      expectThat(isRecord(parseJson(textOf(response))), 'the answer to a schema is no JSON object')
      await complete(ask('Where? Answer in JSON.', { response_format: { type: 'json' } }))
      expectThat(['json_object', 'json_schema'].includes(String(formatOf(twin.responses().at(-1))['type'])), 'JSON mode asked for no JSON')
    },
  },
]

async function streamEqualsComplete({ twin, door, ask, complete, read }: CheckContext): Promise<void> {
  const script = { reasoning: 'Thinking of it.', text: 'one two three four five', deltaChars: 4 }
  twin.enqueue(script, script)
  const whole = await complete(ask('count to five'))
  const pieces: string[] = []
  const events: StreamEvent[] = []
  for await (const piece of door.stream?.(ask('count to five'), {}) ?? []) {
    if (typeof piece === 'string') pieces.push(piece)
    else events.push(piece)
  }
  for (const event of events) {
    if (event.type === 'error') expectThat(false, `the stream ended in ${read(event.error).kind}`)
    if (event.type === 'text.delta') pieces.push(event.text)
  }
  expectSame(pieces.join(''), textOf(whole), 'the streamed text')
  expectThat(pieces.filter((piece) => piece !== '').length > 1, 'the text came in one piece')
  if (events.length === 0) return
  expectSame(events.map(({ seq }) => seq), events.map((_event, index) => index), 'seq')
  expectSame([events[0]?.type, events.at(-1)?.type], ['message.start', 'message.end'], 'first and last event')
}

async function toolRoundTrip({ twin, ask, complete, completeElsewhere }: CheckContext): Promise<void> {
  twin.enqueue({ toolCalls: [{ name: 'look', arguments: { at: 'a "quoted" ü' }, call_id: 'call_one' }, { name: 'look', arguments: { at: 'b' }, call_id: 'call_two' }] })
  const first = ask('look at a and b', { tools: [LOOK] })
  const response = await complete(first)
  const calls = response.tool_calls ?? []
  expectSame(calls.map(({ id, name, arguments: given }) => [id, name, given]), [['call_one', 'look', { at: 'a "quoted" ü' }], ['call_two', 'look', { at: 'b' }]], 'the calls')
  expectSame(response.finish_reason, 'tool_calls', 'finish_reason')
  const second: ChatRequest = {
    ...first,
    messages: [
      ...first.messages,
      { role: 'assistant', content: response.content },
      ...calls.map((call, index) => ({ role: 'tool' as const, tool_call_id: call.id, name: call.name, content: `found ${index}` })),
    ],
  }
  const answer = textOf(await completeElsewhere(second))
  expectThat(answer.includes('found 0') && answer.includes('found 1'), `the results did not reach the model: ${answer}`)
  const sent = inputOf(twin.responses().at(-1))
  expectSame(sent.filter(({ type }) => type === 'function_call').map((item) => item['call_id']), ['call_one', 'call_two'], 'the calls sent back')
  expectSame(sent.filter(({ type }) => type === 'function_call_output').map((item) => [item['call_id'], item['output']]), [['call_one', 'found 0'], ['call_two', 'found 1']], 'the results sent')
}

async function reasoningGoesBack({ twin, model, ask, complete, completeElsewhere }: CheckContext): Promise<void> {
  twin.enqueue({ events: buildThoughtRecording(model) })
  const first = ask('weigh it')
  const response = await complete(first)
  expectSame([thoughtOf(response), textOf(response)], ['Weighing it.', 'Weighed.'], 'thought and text')
  await completeElsewhere({ ...first, messages: [...first.messages, { role: 'assistant', content: response.content }, { role: 'user', content: 'and now?' }] })
  const sent = inputOf(twin.responses().at(-1))
  expectSame(sent.filter(({ type }) => type === 'reasoning').map((item) => item['encrypted_content']), [SEALED], 'the sealed thought sent back')
  expectSame(sent.map(({ type, role }) => type ?? role).slice(-3), ['reasoning', 'message', 'message'], 'its place')
}
