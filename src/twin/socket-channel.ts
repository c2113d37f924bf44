/** Events as messages on a WebSocket. */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { BakedEvent } from './build-events.js'
import type { Channel } from './channel.js'
import type { TwinFaults } from './types.js'
import { untilDone } from './wait.js'

const HIGH_WATER_BYTES = 65_536
/** with context takeover ws would compress every delta: 95 µs each instead of 10 */
const COMPRESS_FROM_CHARS = 1_024
const MALFORMED = '{"type":"response.output_text.delta","delta":"'
const RESET_GRACE_MS = 15
/** a code no frame can carry: it stands for an end without one */
const ABNORMAL = 1006

export interface SocketChannelParts {
  socket: WebSocket
  /** the connection underneath */
  raw: Duplex
  faults: TwinFaults
  binary: boolean
  signal: AbortSignal
}

/** Ends the connection without a close frame. */
export function cutRaw(raw: Duplex, reset: boolean): void {
  if (reset && raw instanceof Socket) raw.resetAndDestroy()
  else raw.end(() => raw.destroy())
}

/** The head of an unmasked frame that promises `length` bytes. */
function buildFrameHead(length: number, binary: boolean): Buffer {
  const first = 0x80 | (binary ? 2 : 1)
  if (length < 126) return Buffer.from([first, length])
  const head = Buffer.alloc(length < 65_536 ? 4 : 10)
  head[0] = first
  head[1] = length < 65_536 ? 126 : 127
  if (length < 65_536) head.writeUInt16BE(length, 2)
  else head.writeBigUInt64BE(BigInt(length), 2)
  return head
}

/** Messages in order, with the writes of the connection underneath held together. */
interface Outlet {
  /** false: wait for `settled()` */
  message(text: string): boolean
  /** the first `allowed` bytes of a message's frame */
  torn(text: string, allowed: number): void
  fragments(text: string, size: number): void
  release(): void
  /** everything is with the kernel, or the client is gone */
  settled(): Promise<void>
}

function createOutlet({ socket, raw, binary, signal }: SocketChannelParts): Outlet {
  let corked = false
  let outstanding = 0
  let idle: (() => void) | undefined
  let slow = Promise.resolve()
  const sent = () => {
    outstanding -= 1
    if (outstanding === 0) idle?.()
  }
  const release = () => {
    if (corked) raw.uncork()
    corked = false
  }
  return {
    release,
    message(text) {
      if (!corked) raw.cork()
      corked = true
      const more = socket.bufferedAmount < HIGH_WATER_BYTES
      outstanding += 1
      socket.send(binary ? Buffer.from(text) : text, { binary, compress: text.length >= COMPRESS_FROM_CHARS }, sent)
      return more
    },
    torn(text, allowed) {
      const bytes = Buffer.from(text)
      raw.write(Buffer.concat([buildFrameHead(bytes.length, binary), bytes.subarray(0, allowed)]))
    },
    fragments(text, size) {
      const bytes = Buffer.from(text)
      slow = slow.then(async () => {
        for (let start = 0; start < bytes.length && !signal.aborted; start += size) {
          const options = { binary, compress: false, fin: start + size >= bytes.length }
          await untilDone((done) => socket.send(bytes.subarray(start, start + size), options, () => setImmediate(done)), signal)
        }
      })
    },
    async settled() {
      release()
      await slow
      if (outstanding > 0) await untilDone((done) => { idle = done }, signal)
    },
  }
}

export function createSocketChannel(parts: SocketChannelParts): Channel {
  const { socket, raw, faults, signal } = parts
  const outlet = createOutlet(parts)
  let written = 0
  let batched = 0
  let full = false
  let tear: (() => void) | undefined

  const send = (text: string): boolean => {
    if (full || socket.readyState !== socket.OPEN) return true
    if (faults.bytesPerWrite !== undefined) {
      outlet.fragments(text, faults.bytesPerWrite)
      return false
    }
    if (faults.cutAfterBytes === undefined) return outlet.message(text)
    const allowed = faults.cutAfterBytes - written
    written += Buffer.byteLength(text)
    full = written >= faults.cutAfterBytes
    if (written <= faults.cutAfterBytes) return outlet.message(text)
    if (allowed > 0) tear = () => outlet.torn(text, allowed)
    return true
  }

  const flush = async () => {
    batched = 0
    await outlet.settled()
    tear?.()
    if (socket.readyState === socket.OPEN) await untilDone((done) => raw.write('', () => done()), signal)
  }

  return {
    write(event: BakedEvent) {
      const more = send(event.json)
      batched += 1
      if (faults.eventsPerWrite !== undefined && batched >= faults.eventsPerWrite) {
        outlet.release()
        batched = 0
      }
      return more
    },
    writeMalformed: () => void send(MALFORMED),
    heartbeat() {
      if (socket.readyState === socket.OPEN) socket.ping()
      outlet.release()
    },
    ready: () => outlet.settled(),
    flush,
    isFull: () => full,
    async finish() {
      if (faults.trailing !== undefined) send(faults.trailing)
      await flush()
      if (faults.closeCode === ABNORMAL) cutRaw(raw, false)
      else if (faults.closeCode !== undefined) socket.close(faults.closeCode, faults.closeReason)
    },
    async cut() {
      await flush()
      if (faults.closeCode !== undefined && faults.closeCode !== ABNORMAL) return socket.close(faults.closeCode, faults.closeReason)
      if (faults.reset === true) await new Promise((resolve) => { setTimeout(resolve, RESET_GRACE_MS) })
      cutRaw(raw, faults.reset === true)
    },
  }
}
