import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatResponse, LLMError } from '../../src/contract/index.js'
import { isRecord } from '../../src/lib/index.js'
import { AnswerReader, decodeEvent } from '../../src/responses/index.js'
import { isFailure, isTerminal, readDoneItems, readRecordings, type Recording } from '../responses/read-recording.js'
import { ask, collect, mountOnTwin, type Mounted } from '../support/mounted.js'

const recordings = readRecordings()
const whole = recordings.filter(({ events }) => events.some(({ type }) => type === 'response.completed'))
const SEED = 20_261_120

/** What a response says, without whose reasoning it is. */
const said = ({ content, tool_calls, finish_reason }: ChatResponse) => ({
  content: content.map((block) => block.type === 'thinking' || block.type === 'hosted' ? { ...block, content: block.content?.slice(0, 2) } : block),
  tool_calls: tool_calls ?? [],
  finish_reason,
})

function decodeAlone(recording: Recording): ChatResponse {
  const reader = new AnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'gpt-5' } })
  for (const value of recording.events) {
    const event = decodeEvent(value)
    if (event && !reader.ended) reader.accept(event, [])
  }
  return reader.response()
}

/** The text and the calls of the done items, read without any of our decoders. */
function readDone(recording: Recording) {
  const items = readDoneItems(recording)
  const parts = items.flatMap((item) => item.type === 'message' ? item.content as { type: string; text?: string }[] : [])
  return {
    text: parts.flatMap(({ type, text }) => type === 'output_text' ? [text] : []).join(''),
    calls: items.flatMap((item) => item.type === 'function_call' ? [{ id: item.call_id, arguments: JSON.parse(String(item.arguments)) as unknown }] : []),
  }
}

/** Mulberry32: the same places in every run. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

describe.each(['sse', 'websocket'] as const)('recorded streams over %s', (transport) => {
  let mounted: Mounted
  beforeAll(async () => {
    mounted = await mountOnTwin({ config: { transport, max_retries: 0, max_continuations: 0 } })
  })
  afterAll(() => mounted.close())

  let plays = 0
  const play = async (recording: Recording, faults: object) => {
    // A response has an id of its own each time: what comes again under an ended one is dropped.
    plays += 1
    const events = recording.events.map((event) => isRecord(event['response']) ? { ...event, response: { ...event['response'], id: `${String(event['response']['id'])}_${plays}` } } : event)
    mounted.twin.enqueue({ events, ...faults })
    const stream = mounted.provider.stream(ask('play'))
    const seen = await collect(stream)
    const outcome = await stream.response().then((response) => ({ response }), (error: LLMError) => ({ error }))
    return { events: seen, ...('response' in outcome ? { response: outcome.response, error: undefined } : { response: undefined, error: outcome.error }) }
  }

  const expectCut = ({ events, error }: Awaited<ReturnType<typeof play>>, recording: Recording, place: string) => {
    expect(error, place).toMatchObject({ retryable: true })
    expect(['StreamError', 'NetworkError'], place).toContain(error?.name)
    expect(events.filter(({ type }) => type === 'message.end'), place).toEqual([])
    expect(events.map(({ seq }) => seq), place).toEqual(events.map((_event, index) => index))
    const calls = readDone(recording).calls
    for (const call of error?.partial?.tool_calls ?? []) {
      const done = calls.find(({ id }) => id === call.id)
      if (done) expect(call.arguments, place).toEqual(done.arguments)
    }
  }

  test.each(whole.map((recording) => [recording.name, recording] as const))('%s comes out equal to its done items, one event a write and many', async (_name, recording) => {
    const expected = said(decodeAlone(recording))
    const done = readDone(recording)
    for (const faults of [{ eventsPerWrite: 1 }, {}, { bytesPerWrite: 997 }]) {
      const { response, error } = await play(recording, faults)
      expect(error).toBeUndefined()
      const answer = said(response as ChatResponse)
      expect(answer).toEqual(expected)
      expect(answer.content.flatMap((block) => block.type === 'text' && 'text' in block ? [block.text] : []).join('')).toBe(done.text)
      for (const call of done.calls) expect(answer.tool_calls.find(({ id }) => id === call.id)?.arguments).toEqual(call.arguments)
    }
  })

  test('the recorded failure is a quota error that nobody repeats', async () => {
    const recording = recordings.find(isFailure) as Recording
    const { error, response } = await play(recording, {})
    expect(response).toBeUndefined()
    expect(error).toMatchObject({ name: 'QuotaExceededError', retryable: false })
  })

  test('every recording cut after every event short of its terminal is a retryable error', async () => {
    for (const recording of whole) {
      const end = recording.events.findIndex(isTerminal)
      for (let cutAfterEvents = 0; cutAfterEvents < end; cutAfterEvents++) {
        expectCut(await play(recording, { cutAfterEvents }), recording, `${recording.name} after ${cutAfterEvents} of ${end}`)
      }
    }
  })

  test(`200 places by bytes, seed ${SEED}, are retryable errors too`, async () => {
    const random = createRandom(SEED)
    for (let place = 0; place < 200; place++) {
      const recording = whole[Math.floor(random() * whole.length)] as Recording
      const end = recording.events.findIndex(isTerminal)
      const bytes = recording.lines.slice(0, end).reduce((sum, line) => sum + Buffer.byteLength(line), 0)
      const cutAfterBytes = 1 + Math.floor(random() * bytes)
      const reset = random() < 0.3
      expectCut(await play(recording, { cutAfterBytes, reset }), recording, `seed ${SEED}, ${recording.name} at byte ${cutAfterBytes}`)
    }
  })
})
