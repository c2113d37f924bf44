import { createParser, type EventSourceParser } from 'eventsource-parser'
import { findIncompleteTail, readText } from './decode-utf8.js'

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
  return new Decoder(options.maxFrameChars)
}

/** A class, since every waiting stream has one. */
class Decoder implements SseDecoder {
  readonly #maxFrameChars: number
  readonly #parser: EventSourceParser
  #frames: string[] = []
  #tooLarge = false
  /** the bytes of a character that is not whole yet */
  #carried: Buffer | undefined
  #atStart = true
  #endedInCr = false

  constructor(maxFrameChars: number) {
    this.#maxFrameChars = maxFrameChars
    this.#parser = createParser({
      onEvent: ({ data }) => {
        if (data !== END_MARK) this.#frames.push(data)
      },
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.#tooLarge = true
      },
      maxBufferSize: maxFrameChars,
    })
  }

  overflowed(): boolean {
    return this.#tooLarge
  }

  push(bytes: Buffer): string[] {
    const whole = this.#carried ? Buffer.concat([this.#carried, bytes]) : bytes
    const cut = findIncompleteTail(whole)
    this.#carried = cut === whole.length ? undefined : Buffer.from(whole.subarray(cut))
    return this.#feed(this.#normalizeLines(readText(this.#carried ? whole.subarray(0, cut) : whole)))
  }

  end(): string[] {
    const rest = this.#carried ? readText(this.#carried) : ''
    this.#carried = undefined
    return [...this.#feed(this.#normalizeLines(rest)), ...this.#feed('\n\n').filter(isWholeJson)]
  }

  #feed(text: string): string[] {
    if (text !== '' && !this.#tooLarge) this.#parser.feed(text)
    const taken = this.#frames
    this.#frames = []
    if (this.#tooLarge && taken.length === 0) throw new FrameTooLarge(`an event is longer than ${this.#maxFrameChars} characters`)
    return taken
  }

  /**
   * Takes a byte order mark off the start and makes every line end an LF. The parser knows CR too, but holds one at the
   * end of a piece back, so that a stream of CRs would show its last event only with the next; and it is slower on them.
   */
  #normalizeLines(text: string): string {
    if (text === '') return text
    const first = text.charCodeAt(0)
    const skips = (this.#atStart && first === 0xfeff) || (this.#endedInCr && first === 0x0a)
    this.#atStart = false
    this.#endedInCr = text.charCodeAt(text.length - 1) === 0x0d
    const rest = skips ? text.slice(1) : text
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
