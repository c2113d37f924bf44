/** Events as messages on a WebSocket. */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { BakedEvent } from './build-events.js'
import type { Channel } from './channel.js'
import type { TwinFaults } from './types.js'
import { untilDone } from './wait.js'

const HIGH_WATER_BYTES = 65_536
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

export function createSocketChannel({ socket, raw, faults, binary, signal }: SocketChannelParts): Channel {
  let corked = false
  let written = 0
  let batched = 0
  let full = false
  let pending = Promise.resolve()

  const release = () => {
    if (corked) raw.uncork()
    corked = false
    batched = 0
  }

  const sendFragments = (bytes: Buffer, size: number) => {
    pending = pending.then(async () => {
      for (let start = 0; start < bytes.length && !signal.aborted; start += size) {
        const fin = start + size >= bytes.length
        await untilDone((done) => socket.send(bytes.subarray(start, start + size), { binary, compress: false, fin }, () => setImmediate(done)), signal)
      }
    })
  }

  const send = (text: string): boolean => {
    if (full || socket.readyState !== socket.OPEN) return true
    if (faults.bytesPerWrite !== undefined) {
      sendFragments(Buffer.from(text), faults.bytesPerWrite)
      return false
    }
    if (faults.cutAfterBytes !== undefined) {
      const bytes = Buffer.from(text)
      const allowed = faults.cutAfterBytes - written
      written += bytes.length
      full = written >= faults.cutAfterBytes
      // ws writes uncompressed frames at once, so what goes past it keeps its place
      if (bytes.length > allowed) raw.write(Buffer.concat([buildFrameHead(bytes.length, binary), bytes.subarray(0, Math.max(0, allowed))]))
      else socket.send(bytes, { binary, compress: false })
      return true
    }
    if (!corked) {
      raw.cork()
      corked = true
    }
    const payload = binary ? Buffer.from(text) : text
    if (socket.bufferedAmount < HIGH_WATER_BYTES) {
      socket.send(payload, { binary })
      return true
    }
    pending = new Promise((resolve) => { socket.send(payload, { binary }, () => resolve()) })
    return false
  }

  const ready = async () => {
    release()
    await untilDone((done) => void pending.then(done), signal)
  }

  const flush = async () => {
    await ready()
    if (socket.readyState === socket.OPEN) await untilDone((done) => raw.write('', () => done()), signal)
  }

  return {
    write(event: BakedEvent) {
      const more = send(event.json)
      batched += 1
      if (faults.eventsPerWrite !== undefined && batched >= faults.eventsPerWrite) release()
      return more
    },
    writeMalformed: () => void send(MALFORMED),
    heartbeat() {
      if (socket.readyState === socket.OPEN) socket.ping()
      release()
    },
    ready,
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
