import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatResponse, ContentBlock, JsonObject, Message, StreamEvent } from '../../src/contract/index.js'
import { readDoneItems, readRecordings } from '../responses/read-recording.js'
import { ask, collect, mountOnTwin, type Mounted } from '../support/mounted.js'

const OURS = new Set(['message', 'reasoning', 'function_call', 'custom_tool_call'])
/** Calls that the caller has to run: without their output the API takes the history for broken. */
const UNANSWERED = new Set(['shell', 'openai-shell-tool.1.a', 'openai-client-tool-search.2'])
const KEEP_THEIR_ID = /^mcp_/

const unheard: JsonObject[] = [
  { type: 'response.created', response: { id: 'resp_unheard', model: 'gpt-5.5', status: 'in_progress' } },
  { type: 'response.output_item.added', output_index: 0, item: { id: 'tm_1', type: 'time_travel_call', status: 'in_progress' } },
  { type: 'response.time_travel_call.departing', output_index: 0, item_id: 'tm_1', year: 1871 },
  { type: 'response.output_item.done', output_index: 0, item: { id: 'tm_1', type: 'time_travel_call', status: 'completed', year: 1871 } },
  { type: 'codex.never_heard_of', words: ['kept'] },
  { type: 'response.output_item.done', output_index: 1, item: { id: 'msg_1', type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'There.', annotations: [] }] } },
  { type: 'response.completed', response: { id: 'resp_unheard', status: 'completed', output: [] } },
]

const streams = [
  ...readRecordings().filter(({ events }) => events.some(({ type }) => type === 'response.completed'))
    .map((recording) => ({ name: recording.name, events: recording.events, items: readDoneItems(recording) })),
  { name: 'an item of a type nobody has heard of', events: unheard, items: unheard.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item as JsonObject] : [])) },
].filter(({ items }) => items.some(({ type }) => !OURS.has(String(type))))

const hostedOf = (items: readonly JsonObject[]) => items.filter(({ type }) => !OURS.has(String(type)))

/** As the item goes back: without the id that no server stored. */
function sentBack(item: JsonObject): JsonObject {
  const { id: _id, ...rest } = item
  return KEEP_THEIR_ID.test(String(item.type)) ? item : rest
}

describe.each(['sse', 'websocket'] as const)('hosted items over %s', (transport) => {
  let mounted: Mounted
  beforeAll(async () => {
    mounted = await mountOnTwin({ config: { transport, max_retries: 0 } })
  })
  afterAll(() => mounted.close())

  /** The stream's events, its response, and the input of the turn after it. */
  async function play(name: string, events: readonly JsonObject[], edit: (content: ContentBlock[]) => ContentBlock[] = (content) => content) {
    mounted.twin.enqueue({ events: [...events] })
    const first: Message = { role: 'user', content: `play ${name}` }
    const conversation_id = `${transport} ${name}`
    const stream = mounted.provider.stream({ ...ask('play'), messages: [first], conversation_id })
    const seen: StreamEvent[] = await collect(stream)
    const response: ChatResponse = await stream.response()
    const results = (response.tool_calls ?? []).map((call): Message => ({ role: 'tool', tool_call_id: call.id, content: 'done' }))
    const before = mounted.twin.responses().length
    await mounted.provider.complete({ ...ask('play'), conversation_id, messages: [first, { role: 'assistant', content: edit(response.content) }, ...results, { role: 'user', content: 'on' }] })
    const bodies = mounted.twin.responses().slice(before).map(({ body }) => body as { input: JsonObject[]; previous_response_id?: string })
    return { seen, response, body: bodies.at(-1) }
  }

  test.each(streams.map((stream) => [stream.name, stream] as const))('%s: shown raw in stream and response, and back in its place in the next turn', async (name, { events, items }) => {
    const { seen, response, body } = await play(name, events)
    const hosted = hostedOf(items)
    expect(seen.flatMap((event) => (event.type === 'hosted.end' ? [event.item] : []))).toEqual(hosted)
    expect(seen.filter(({ type }) => type === 'hosted.start')).toHaveLength(hosted.length)
    expect(response.content.flatMap((block) => (block.type === 'hosted' ? [block.item] : []))).toEqual(hosted)
    if (transport === 'websocket') {
      expect(body).toMatchObject({ previous_response_id: expect.any(String) as string })
      return
    }
    if (UNANSWERED.has(name)) return
    const answer = body?.input.filter((item) => item.role !== 'user' && item.type !== 'function_call_output' && item.type !== 'custom_tool_call_output') ?? []
    // Reasoning that is not encrypted cannot go back.
    const sendable = items.filter(({ type, encrypted_content: sealed }) => type !== 'reasoning' || sealed)
    expect(answer.map(({ type }) => type)).toEqual(sendable.map(({ type }) => type))
    expect(hostedOf(answer)).toEqual(hosted.map(sentBack))
  })

  test('progress of a hosted item, and events that no rule knows, are passed on as they came', async () => {
    mounted.twin.enqueue({ events: unheard })
    const seen = await collect(mounted.provider.stream(ask('progress')))
    expect(seen.flatMap((event) => (event.type === 'hosted.progress' ? [[event.name, event.event]] : []))).toEqual([['time_travel_call', unheard[2]]])
    mounted.twin.enqueue({ events: unheard.map((event) => (event.response ? { ...event, response: { ...(event.response as JsonObject), id: 'resp_raw' } } : event)) })
    const raw: JsonObject[] = []
    for await (const { sequence_number: _number, ...event } of mounted.provider.rawEvents(ask('raw'))) raw.push(event)
    expect(raw.map(({ type }) => type)).toEqual(unheard.map(({ type }) => type))
    expect(raw[4]).toEqual(unheard[4])
  })

  test('a call that the caller should have run and did not is left out, and said to be', async () => {
    const shell = streams.find(({ name }) => name === 'shell')
    const { body } = await play('shell', shell?.events.map((event) => (event.response ? { ...event, response: { ...(event.response as JsonObject), id: `resp_shell_${transport}` } } : event)) ?? [], (content) => structuredClone(content))
    expect(JSON.stringify(body?.input)).not.toContain('shell_call')
    expect(mounted.named('provider:tool_sequence_repaired').at(-1)).toMatchObject({ repairs: [{ tool_call_id: 'call_shell', tool_name: 'shell_call' }] })
  })

  test('a compaction of another account stays behind', async () => {
    const compaction = streams.find(({ name }) => name === 'compaction')
    const foreign = (content: ContentBlock[]) => content.map((block): ContentBlock => block.type === 'hosted' && block.content
      ? { ...block, content: [block.content[0], block.content[1], { ...(block.content[2] as JsonObject), account: 'another' }] }
      : block)
    const { body } = await play('compaction of another', compaction?.events.map((event) => (event.response ? { ...event, response: { ...(event.response as JsonObject), id: `resp_foreign_${transport}` } } : event)) ?? [], foreign)
    expect(body?.input.filter(({ type }) => type === 'compaction')).toEqual([])
  })
})
