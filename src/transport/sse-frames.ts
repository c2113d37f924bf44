import { createParser } from 'eventsource-parser'
import { createUtf8Decoder } from './decode-utf8.js'

export interface SseDecoder {
  /** An event over the limit has begun: the next call throws. */
  overflowed(): boolean
  /** The data of every event that these bytes complete. @throws FrameTooLarge, after the events before it were answered */
  push(bytes: Buffer): string[]
  /**
   * The body has ended. An event that lacks nothing but its closing blank line (or its last line's end) still
   * counts, where its data is a whole JSON object or array; of these no beginning is whole, so half an event
   * never comes out. Anything else left over is dropped. @throws FrameTooLarge
   */
  end(): string[]
}

export class FrameTooLarge extends Error {
  override readonly name = 'FrameTooLarge'
  readonly code = 'ERR_FRAME_TOO_LARGE'
}

/** A custom of some servers; it says nothing that the events before it don't. */
const END_MARK = '[DONE]'

/**
 * Server-sent events from bytes cut anywhere: LF, CRLF and CR, byte order mark, comments, several data lines, NUL.
 * @param options.maxFrameChars the longest event taken
 */
export function createSseDecoder(options: { maxFrameChars: number }): SseDecoder {
  const utf8 = createUtf8Decoder()
  const lines = createLineNormalizer()
  let frames: string[] = []
  let tooLarge = false
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data !== END_MARK) frames.push(data)
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') tooLarge = true
    },
    maxBufferSize: options.maxFrameChars,
  })
  const feed = (text: string): string[] => {
    if (text !== '' && !tooLarge) parser.feed(text)
    const taken = frames
    frames = []
    if (tooLarge && taken.length === 0) throw new FrameTooLarge(`an event is longer than ${options.maxFrameChars} characters`)
    return taken
  }
  return {
    overflowed: () => tooLarge,
    push: (bytes) => feed(lines(utf8.push(bytes))),
    end() {
      const whole = feed(lines(utf8.end()))
      return [...whole, ...feed('\n\n').filter(isWholeJson)]
    },
  }
}

/**
 * Takes a byte order mark off the start and makes every line end an LF. The parser knows CR too, but holds one at the
 * end of a piece back, so that a stream of CRs would show its last event only with the next; and it is slower on them.
 */
function createLineNormalizer(): (text: string) => string {
  let atStart = true
  let endedInCr = false
  return (text) => {
    if (text === '') return text
    let from = 0
    if (atStart && text.charCodeAt(0) === 0xfeff) from = 1
    else if (endedInCr && text.charCodeAt(0) === 0x0a) from = 1
    atStart = false
    endedInCr = text.charCodeAt(text.length - 1) === 0x0d
    const rest = from === 0 ? text : text.slice(from)
    return rest.includes('\r') ? rest.replaceAll(/\r\n?/g, '\n') : rest
  }
}

function isWholeJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
