/** Events as a server-sent event body. */
import type { ServerResponse } from 'node:http'
import type { BakedEvent } from './build-events.js'
import type { Channel } from './channel.js'
import type { TwinFaults } from './types.js'
import { untilDone } from './wait.js'

const BATCH_CHARS = 16_384
const MALFORMED = '{"type":"response.output_text.delta","delta":"'
/** time for the last bytes to be read: an RST may overtake them */
const RESET_GRACE_MS = 15

export function createSseChannel(response: ServerResponse, faults: TwinFaults, signal: AbortSignal): Channel {
  const eol = faults.lineEnding ?? '\n'
  let batch = faults.bom === true ? '\uFEFF' : ''
  let batched = 0
  let written = 0
  let full = false
  let tail = Promise.resolve()

  /** Writes what the byte count still allows; false asks to wait. */
  const send = (text: string): boolean => {
    if (text === '' || full || response.destroyed) return true
    const limit = faults.cutAfterBytes
    if (limit === undefined) {
      if (faults.bytesPerWrite === undefined) return response.write(text)
      const bytes = Buffer.from(text)
      tail = tail.then(() => sendSlowly(bytes, faults.bytesPerWrite ?? bytes.length))
      return false
    }
    const bytes = Buffer.from(text)
    const allowed = bytes.subarray(0, Math.max(0, limit - written))
    written += allowed.length
    full = written >= limit
    return allowed.length === 0 || response.write(allowed)
  }

  const sendSlowly = async (bytes: Buffer, size: number) => {
    for (let start = 0; start < bytes.length && !signal.aborted; start += size) {
      await untilDone((done) => response.write(bytes.subarray(start, start + size), () => setImmediate(done)), signal)
    }
  }

  const release = (): boolean => {
    const text = batch
    batch = ''
    batched = 0
    return send(text)
  }

  const ready = async () => {
    await tail
    if (!response.writableNeedDrain || response.destroyed || signal.aborted) return
    await untilDone((done) => response.once('drain', done), signal)
  }

  const flush = async () => {
    release()
    await ready()
    if (response.destroyed || signal.aborted) return
    await untilDone((done) => response.write('', () => done()), signal)
  }

  let held = ''
  return {
    write(event: BakedEvent) {
      batch += held
      const text = `event: ${event.type}${eol}data: ${event.json}${eol}`
      held = faults.omitLastBlankLine === true ? eol : ''
      batch += faults.omitLastBlankLine === true ? text : text + eol
      batched += 1
      const due = faults.eventsPerWrite === undefined ? batch.length >= BATCH_CHARS : batched >= faults.eventsPerWrite
      return due || faults.cutAfterBytes !== undefined ? release() : true
    },
    writeMalformed() {
      batch += `${held}event: response.output_text.delta${eol}data: ${MALFORMED}${eol}${eol}`
      held = ''
    },
    heartbeat() {
      batch += `: heartbeat${eol}${eol}`
      release()
    },
    ready,
    flush,
    isFull: () => full,
    async finish() {
      batch += faults.trailing ?? ''
      await flush()
      response.end()
    },
    async cut() {
      await flush()
      if (faults.endBody === true) return void response.end()
      const { socket } = response
      if (!socket) return
      if (faults.reset !== true) return void socket.end(() => socket.destroySoon())
      await new Promise((resolve) => { setTimeout(resolve, RESET_GRACE_MS) })
      socket.resetAndDestroy()
    },
  }
}
