import { describe, expect, test } from 'vitest'
import { createSseDecoder, FrameTooLarge } from '../../src/transport/sse-frames.js'

const LIMIT = { maxFrameChars: 64 * 1024 * 1024 }

function decode(pieces: Buffer[]): string[] {
  const decoder = createSseDecoder(LIMIT)
  return [...pieces.flatMap((piece) => decoder.push(piece)), ...decoder.end()]
}

const EVENTS = [
  { type: 'a', text: 'plain' },
  { type: 'b', text: 'ümläut – 漢字 – 🙂🏽' },
  { type: 'c', text: 'nul \u0000 and a line\nend and \r too' },
]

/** A comment, an id, a retry, an unknown field, an event of two data lines and one without a blank after the colon. */
function buildStream(lineEnd: string): Buffer {
  const lines = [
    ': hello', '',
    'event: a', 'id: 1', `data: ${JSON.stringify(EVENTS[0])}`, '',
    'retry: 10', 'nonsense', 'foo: bar', `data:${JSON.stringify(EVENTS[1])}`, '',
    ':', 'data: {"type":"c",', `data: ${JSON.stringify(EVENTS[2]).slice('{"type":"c",'.length)}`, '',
    'data: [DONE]', '',
  ]
  return Buffer.from(lines.map((line) => line + lineEnd).join(''))
}

describe.each([['LF', '\n'], ['CRLF', '\r\n'], ['CR', '\r']])('a stream with %s line ends', (_name, lineEnd) => {
  const bytes = buildStream(lineEnd)
  const whole = decode([bytes])

  test('gives every event once, without comments, fields and the end mark', () => {
    expect(whole.map((frame) => JSON.parse(frame) as unknown)).toEqual(EVENTS)
  })

  test('gives the same frames cut in two at every byte', () => {
    for (let cut = 0; cut <= bytes.length; cut++) expect(decode([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(whole)
  })

  test('gives the same frames byte by byte', () => {
    expect(decode([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole)
  })

  test('gives the same frames behind a byte order mark, byte by byte', () => {
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes])
    expect(decode([marked])).toEqual(whole)
    expect(decode([...marked].map((byte) => Buffer.from([byte])))).toEqual(whole)
  })

  test('gives only whole events when it breaks off, at every byte', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const frames = decode([bytes.subarray(0, cut)])
      expect(frames).toEqual(whole.slice(0, frames.length))
    }
  })

  test('gives an event as soon as its blank line is there', () => {
    const decoder = createSseDecoder(LIMIT)
    expect(decoder.push(Buffer.from(`data: {"last":true}${lineEnd}${lineEnd}`))).toEqual(['{"last":true}'])
    expect(decoder.end()).toEqual([])
  })

  test('counts a last event that lacks its blank line or the end of its line', () => {
    expect(decode([Buffer.from(`data: {"a":1}${lineEnd}${lineEnd}data: {"last":true}${lineEnd}`)])).toEqual(['{"a":1}', '{"last":true}'])
    expect(decode([Buffer.from(`data: {"a":1}${lineEnd}${lineEnd}event: x${lineEnd}data: {"last":true}`)])).toEqual(['{"a":1}', '{"last":true}'])
  })
})

test('a number, a text or a word at a broken end is dropped, as its beginning looks whole', () => {
  for (const rest of ['12', '"a"', 'true', '[DONE]', '{"a":1', '{"a":"1}', '[1,2']) expect(decode([Buffer.from(`data: ${rest}`)])).toEqual([])
})

test('a byte order mark in the middle stays', () => {
  expect(decode([Buffer.from('data: {"a":1}\n\n'), Buffer.from('data: "\ufeff"\n\n')])).toEqual(['{"a":1}', '"\ufeff"'])
})

test('bytes that are no UTF-8 become replacement characters and the next event is whole', () => {
  const broken = Buffer.concat([Buffer.from('data: "'), Buffer.from([0xff, 0xc3]), Buffer.from('"\n\ndata: {"b":2}\n\n')])
  expect(decode([broken])).toEqual(['"\ufffd\ufffd"', '{"b":2}'])
  expect(decode([...broken].map((byte) => Buffer.from([byte])))).toEqual(['"\ufffd\ufffd"', '{"b":2}'])
})

test('an event of 10 MB in pieces of 16 KB is one frame', () => {
  const data = JSON.stringify({ text: 'é'.repeat(5 * 1024 * 1024) })
  const bytes = Buffer.from(`data: ${data}\n\n`)
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 16_384) pieces.push(bytes.subarray(at, at + 16_384))
  const frames = decode(pieces)
  expect(frames.length).toBe(1)
  expect(frames[0] === data).toBe(true)
})

test('an event over the limit is refused, after the events before it', () => {
  const decoder = createSseDecoder({ maxFrameChars: 100 })
  expect(decoder.push(Buffer.from(`data: {"a":1}\n\ndata: ${'x'.repeat(200)}`))).toEqual(['{"a":1}'])
  expect(() => decoder.push(Buffer.from('y'))).toThrow(FrameTooLarge)
  expect(() => decoder.end()).toThrow(FrameTooLarge)
})
