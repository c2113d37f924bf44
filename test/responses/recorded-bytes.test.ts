import { describe, expect, test } from 'vitest'
import { AnswerReader, decodeEvent, mapWireFailure, terminalToFailure } from '../../src/responses/index.js'
import { createSseDecoder } from '../../src/transport/sse-frames.js'
import { isFailure, isTerminal, readDoneItems, readRecordings, type Recording } from './read-recording.js'
import { SEED } from '../support/made-up.js'

const provenance = { account: 'a1', lane: 'codex', model_family: 'gpt-5' }
const recordings = readRecordings()
const LIMIT = { maxFrameChars: 1 << 24 }

/** mulberry32 */
function createRandom(from: number): () => number {
  let state = from
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function toBytes(recording: Recording, lineEnd: string, prefix = ''): Buffer {
  const events = recording.lines.map((line, position) => `event: ${String(recording.events[position]?.['type'])}${lineEnd}data: ${line}${lineEnd}${lineEnd}`)
  return Buffer.from(prefix + events.join(''))
}

function decodeChunks(chunks: Iterable<Buffer>): string[] {
  const decoder = createSseDecoder(LIMIT)
  const frames: string[] = []
  for (const chunk of chunks) frames.push(...decoder.push(chunk))
  return [...frames, ...decoder.end()]
}

function accumulate(frames: readonly string[]): AnswerReader {
  const reader = new AnswerReader({ provenance })
  for (const frame of frames) {
    const event = decodeEvent(JSON.parse(frame))
    if (event) reader.accept(event, [])
  }
  return reader
}

function* slices(bytes: Buffer, cuts: readonly number[]): Iterable<Buffer> {
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    yield bytes.subarray(from, cut)
    from = cut
  }
}

describe.each(recordings)('$name', (recording) => {
  const isError = isFailure(recording)

  test.each([['LF', '\n'], ['CRLF', '\r\n'], ['CR', '\r']])('one byte at a time with %s', (_name, lineEnd) => {
    const bytes = toBytes(recording, lineEnd, lineEnd === '\n' ? '\uFEFF: hello\n\n' : '')
    const frames = decodeChunks(slices(bytes, Array.from({ length: bytes.length - 1 }, (_, position) => position + 1)))
    expect(frames).toEqual(recording.lines)
    if (!isError) expect(accumulate(frames).items()).toEqual(readDoneItems(recording))
  })

  test(`many ways, cut at random (SEED ${SEED})`, () => {
    const random = createRandom(SEED)
    for (let round = 0; round < 12; round++) {
      const bytes = toBytes(recording, ['\n', '\r\n', '\r'][round % 3] ?? '\n')
      const cuts = Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.floor(random() * bytes.length)).sort((left, right) => left - right)
      expect(decodeChunks(slices(bytes, cuts))).toEqual(recording.lines)
    }
  })

  test('cut off after any byte short of its terminal it is a typed, retryable failure without half a call', () => {
    const end = recording.events.findIndex(isTerminal)
    const whole = new Set(readDoneItems(recording).map((item) => item['call_id']))
    const seen = new Map<unknown, number>()
    for (let position = 0; position <= end; position++) {
      // At an event's start the decoder is as new, so the bytes before it need not be fed again.
      const before = recording.lines.slice(0, position)
      const event = toBytes({ ...recording, lines: [recording.lines[position] ?? ''], events: [recording.events[position] ?? {}] }, '\n')
      const isLast = position === end
      const type = recording.events[position]?.['type']
      const sameType = seen.get(type) ?? 0
      seen.set(type, sameType + 1)
      // The hundredth delta is cut like the first: its ends and its middle are enough.
      const places = sameType < 2 ? cutPlaces(event.length) : [0, event.length >> 1, event.length - 3, event.length - 1]
      let last: string | undefined
      for (const length of places) {
        const rest = decodeChunks([event.subarray(0, length)])
        if (rest.length > 0) {
          expect(rest).toEqual([recording.lines[position]])
          expect(length).toBeGreaterThanOrEqual(event.length - 2)
        }
        const key = rest.join()
        if (key === last) continue
        last = key
        const reader = accumulate([...before, ...rest])
        if (isLast && rest.length > 0) {
          expect(reader.ended).toBeDefined()
          continue
        }
        expect(reader.ended).toBeUndefined()
        const failure = terminalToFailure(reader.ended)
        const partial = reader.partial()
        const error = failure && mapWireFailure(failure, { provider: 'p', model: 'm', lane: 'codex', nowMs: 0, ...(partial ? { partial } : {}) })
        expect(error).toMatchObject({ name: 'StreamError', retryable: true })
        for (const one of partial?.tool_calls ?? []) expect(whole).toContain(one.id)
      }
    }
  })
})

test('cut in two at every byte: each recording\'s first event of each type, between its neighbours', () => {
  for (const recording of recordings) {
    const seen = new Set<unknown>()
    for (const [position, event] of recording.events.entries()) {
      if (seen.has(event['type'])) continue
      seen.add(event['type'])
      const part = { ...recording, lines: recording.lines.slice(position, position + 2), events: recording.events.slice(position, position + 2) }
      const bytes = toBytes(part, '\n')
      const expected = part.lines.join('\n')
      for (const cut of cutPlaces(bytes.length)) {
        const frames = decodeChunks([bytes.subarray(0, cut), bytes.subarray(cut)])
        if (frames.join('\n') !== expected) throw new Error(`${recording.name}: event ${position} differs when cut at byte ${cut}`)
      }
    }
  }
})

test('the two shortest recordings, cut in two at every byte', () => {
  for (const recording of recordings.filter((one) => one.lines.join('').length < 3500)) {
    const bytes = toBytes(recording, '\n')
    const expected = recording.lines.join('\n')
    for (let cut = 0; cut <= bytes.length; cut++) {
      const frames = decodeChunks([bytes.subarray(0, cut), bytes.subarray(cut)])
      if (frames.join('\n') !== expected) throw new Error(`${recording.name} differs when cut at byte ${cut}`)
    }
  }
})

/** Every byte of a short event; of a long one every byte near its ends and every 251st between. */
function cutPlaces(length: number): number[] {
  const all = Array.from({ length: length + 1 }, (_, place) => place)
  return length < 1500 ? all : all.filter((place) => place < 64 || place > length - 128 || place % 251 === 0)
}
