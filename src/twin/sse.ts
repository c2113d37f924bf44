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

/** Text to the socket, as slowly and as far as the faults want. */
interface Outlet {
  /** false: wait for `ready()` */
  send(text: string): boolean
  ready(): Promise<void>
  /** everything is with the kernel, or the client is gone */
  settled(): Promise<void>
  isFull(): boolean
}

function createOutlet(response: ServerResponse, faults: TwinFaults, signal: AbortSignal): Outlet {
  const { cutAfterBytes: limit, bytesPerWrite } = faults
  let written = 0
  let slow = Promise.resolve()
  const sendSlowly = async (bytes: Buffer, size: number) => {
    for (let start = 0; start < bytes.length && !signal.aborted; start += size) {
      await untilDone((done) => response.write(bytes.subarray(start, start + size), () => setImmediate(done)), signal)
    }
  }
  const ready = async () => {
    await slow
    if (response.writableNeedDrain && !response.destroyed) await untilDone((done) => response.once('drain', done), signal)
  }
  return {
    ready,
    isFull: () => limit !== undefined && written >= limit,
    send(text) {
      if (text === '' || response.destroyed) return true
      if (limit === undefined && bytesPerWrite === undefined) return response.write(text)
      const bytes = Buffer.from(text)
      const allowed = limit === undefined ? bytes : bytes.subarray(0, Math.max(0, limit - written))
      written += allowed.length
      if (allowed.length === 0) return true
      if (bytesPerWrite === undefined) return response.write(allowed)
      slow = slow.then(() => sendSlowly(allowed, bytesPerWrite))
      return false
    },
    async settled() {
      await ready()
      if (!response.destroyed) await untilDone((done) => response.write('', () => done()), signal)
    },
  }
}

export function createSseChannel(response: ServerResponse, faults: TwinFaults, signal: AbortSignal): Channel {
  const outlet = createOutlet(response, faults, signal)
  const eol = faults.lineEnding ?? '\n'
  let batch = faults.bom === true ? '\uFEFF' : ''
  let batched = 0
  // the blank line that closes the latest event, where it may turn out to be the last one
  let held = ''

  const release = (): boolean => {
    const text = batch
    batch = ''
    batched = 0
    return outlet.send(text)
  }
  const add = (text: string) => {
    batch += held + text
    held = ''
  }
  const flush = () => {
    release()
    return outlet.settled()
  }

  return {
    write(event: BakedEvent) {
      add(`event: ${event.type}${eol}data: ${event.json}${eol}`)
      if (faults.omitLastBlankLine === true) held = eol
      else batch += eol
      batched += 1
      const due = faults.eventsPerWrite === undefined ? batch.length >= BATCH_CHARS : batched >= faults.eventsPerWrite
      return due || faults.cutAfterBytes !== undefined ? release() : true
    },
    writeMalformed: () => add(`event: response.output_text.delta${eol}data: ${MALFORMED}${eol}${eol}`),
    heartbeat() {
      add(`: heartbeat${eol}${eol}`)
      release()
    },
    ready: () => outlet.ready(),
    flush,
    isFull: () => outlet.isFull(),
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
