import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { TransportFailure, type FrameStream } from '../../src/transport/index.js'
import { eventStream, serve, serveSocket } from './support/servers.js'
import { openTransport } from './support/transports.js'

const SEED = Number(process.env['SEED'] ?? 20261120)
const TURNS = 400
const FAULTS = ['none', 'none', 'cut', 'refuse', 'stall', 'abort', 'give up', 'leave early'] as const
type Fault = (typeof FAULTS)[number]

function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Plays one turn as a caller would; answers how it ended. */
async function play(stream: FrameStream, fault: Fault, controller: AbortController): Promise<string> {
  const frames: string[] = []
  for (;;) {
    const batch = await stream.next()
    if (!batch) return `ended after ${frames.length}`
    frames.push(...batch)
    if (fault === 'abort') controller.abort()
    if (fault === 'give up') {
      stream.close()
      return 'gave up'
    }
    if (fault === 'leave early' || frames.at(-1) === '{"last":true}') {
      stream.release()
      return `${frames.length} of ${fault === 'leave early' ? 'some' : '3'}`
    }
  }
}

test(`turns with random faults leave no socket and no listener behind (seed ${SEED})`, async () => {
  const random = createRandom(SEED)
  const pick = (): Fault => FAULTS[Math.floor(random() * FAULTS.length)] ?? 'none'
  const script = (fault: string, write: (text: string) => void, cut: () => void): void => {
    write('{"n":1}')
    if (fault === 'cut') return cut()
    if (fault === 'stall') return
    write('{"n":2}')
    write('{"last":true}')
  }
  const http = await serve((request, response) => {
    const fault = String(request.headers['x-fault'])
    if (fault === 'refuse') return void response.writeHead(503).end('{}')
    const stream = eventStream(response)
    script(fault, (text) => stream.write(`data: ${text}\n\n`), () => response.destroy())
    if (fault !== 'stall') stream.end()
  })
  const sockets = await serveSocket((socket) => {
    socket.on('message', (message) => {
      const fault = String(message)
      if (fault === 'refuse') return socket.close(1013)
      script(fault, (text) => socket.send(text), () => socket.terminate())
    })
  })
  const transport = openTransport()
  const ends = new Map<string, number>()
  const controllers: AbortController[] = []
  const turn = async (): Promise<void> => {
    const fault = pick()
    const controller = new AbortController()
    controllers.push(controller)
    const over = random() < 0.5 ? 'http' : 'ws'
    const timeouts = { idleMs: fault === 'stall' ? 20 : 10_000 }
    let end: string
    try {
      if (over === 'http') {
        end = await play(await transport.stream({ method: 'POST', url: http.url, headers: { 'x-fault': fault }, body: '{}', signal: controller.signal, timeouts }), fault, controller)
      } else {
        const connection = await transport.connect({ url: sockets.url, headers: {}, signal: controller.signal })
        try {
          end = await play(connection.exchange(fault, { signal: controller.signal, timeouts }), fault, controller)
        } finally {
          connection.close()
        }
      }
    } catch (error) {
      if (!(error instanceof TransportFailure)) throw error
      end = error.kind
    }
    const key = `${fault} over ${over}: ${end}`
    ends.set(key, (ends.get(key) ?? 0) + 1)
  }
  for (let begun = 0; begun < TURNS; begun += 10) await Promise.all(Array.from({ length: 10 }, turn))
  await transport.close()
  await Promise.all([http.idle(), sockets.idle()])
  for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toEqual([])
  const kinds = (fault: Fault) => [...ends.keys()].filter((key) => key.startsWith(`${fault} over`)).map((key) => key.replace(/.*: /, '')).sort()
  expect(kinds('none')).toEqual(['3 of 3', '3 of 3'])
  expect(kinds('cut')).toEqual(['cut', 'cut'])
  expect(kinds('refuse')).toEqual(['closed', 'refused'])
  expect(kinds('stall')).toEqual(['timeout', 'timeout'])
  expect(kinds('give up')).toEqual(['gave up', 'gave up'])
})
