import { request } from 'undici'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { TwinFaults, TwinReply } from '../../src/twin/index.js'
import { ask, signIn, type SignedIn } from './support/raw-client.js'
import { SEED } from '../support/made-up.js'

/** mulberry32: small, seeded, good enough to choose faults. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const TURNS = 240

function chooseReply(random: () => number): TwinReply {
  const upTo = (most: number) => Math.floor(random() * most)
  const faults: TwinFaults[] = [
    {}, { cutAfterEvents: upTo(12) }, { cutAfterEvents: upTo(12), reset: true }, { cutAfterBytes: upTo(5_000) }, { cutAfterEvents: upTo(12), closeCode: 1011 },
    { cutAfterEvents: upTo(12), endBody: true }, { bytesPerWrite: 50 + upTo(500) }, { stallAfterEvents: upTo(12) }, { malformedAfterEvents: upTo(12) },
    { eventDelayMs: 1 }, { delayMs: upTo(5) }, { reset: true }, { eventsPerWrite: 1 + upTo(4) }, { stallAfterEvents: upTo(12), stallMs: 3, heartbeatMs: 1 },
  ]
  const chosen = faults[upTo(faults.length)] ?? {}
  return random() < 0.1 ? { status: 500 + upTo(4), body: { detail: 'down' }, ...chosen } : { text: 'x'.repeat(upTo(300)), ...chosen }
}

async function overHttp({ twin, headers }: SignedIn, patienceMs: number): Promise<string | undefined> {
  try {
    const reply = await request(`${twin.baseUrl}/responses`, {
      method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(ask('a')), signal: AbortSignal.timeout(patienceMs),
    })
    return await reply.body.text()
  } catch {
    return undefined // how the client sees a fault is not what is tested here
  }
}

function overSocket({ twin, headers }: SignedIn, patienceMs: number): Promise<undefined> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${twin.baseUrl.replace('http', 'ws')}/responses`, { headers: { ...headers, 'openai-beta': 'responses_websockets=2026-02-06' } })
    const timer = setTimeout(() => socket.terminate(), patienceMs)
    socket.on('open', () => socket.send(JSON.stringify({ type: 'response.create', ...ask('a') })))
    socket.on('message', (data) => {
      if (/"type":"(response\.(completed|failed)|error)"/.test(String(data).slice(0, 60))) socket.close()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(undefined)
    })
  })
}

test('hundreds of turns with seeded faults on both transports leave no turn, connection or failure behind', async () => {
  const random = createRandom(SEED)
  const signed = await signIn()
  const { twin } = signed
  for (let batch = 0; batch < TURNS / 12; batch++) {
    twin.enqueue(...Array.from({ length: 12 }, () => chooseReply(random)))
    const texts = await Promise.all(Array.from({ length: 12 }, () => (random() < 0.5 ? overHttp : overSocket)(signed, 20 + Math.floor(random() * 60))))
    expect(texts.filter((text) => text?.includes('twin_bug'))).toEqual([])
  }
  await expect.poll(() => twin.activity().running).toBe(0)
  await expect.poll(() => twin.openConnections().websocket).toBe(0)
  await expect.poll(() => twin.responses().filter((entry) => entry.ended === undefined).length).toBe(0)
  await twin.close()
  expect(twin.openConnections()).toEqual({ http: 0, websocket: 0 })
})
