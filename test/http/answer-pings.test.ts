import { once } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createHttpServer } from '../../src/http/index.js'
import { mountOnTwin } from '../support/mounted.js'

const KEY = 'local-made-up-key'
const PINGS = 5000

test('a client that sends thousands of pings at once stays connected, hears of the last, and is answered', async () => {
  const mounted = await mountOnTwin()
  const server = await createHttpServer({ provider: mounted.provider, key: KEY })
  onTestFinished(async () => {
    await server.close()
    await mounted.close()
  })
  const socket = new WebSocket(`${server.baseUrl.replace('http', 'ws')}/responses`, { headers: { authorization: `Bearer ${KEY}` } })
  const closed: number[] = []
  const pongs: string[] = []
  const events: string[] = []
  socket.on('close', (code) => void closed.push(code))
  socket.on('pong', (data) => void pongs.push(data.toString()))
  socket.on('message', (data: Buffer) => void events.push((JSON.parse(data.toString()) as { type: string }).type))
  await once(socket, 'open')
  for (let n = 1; n <= PINGS; n++) socket.ping(String(n))
  await vi.waitFor(() => expect([closed, pongs.at(-1)]).toEqual([[], String(PINGS)]), { timeout: 10_000 })
  // Those between two pongs share the later one.
  expect(pongs.length).toBeLessThan(PINGS)
  socket.send(JSON.stringify({ type: 'response.create', model: 'gpt-5.5', input: 'hello' }))
  await vi.waitFor(() => expect(events).toContain('response.completed'), { timeout: 10_000 })
  socket.ping('again')
  await vi.waitFor(() => expect(pongs.at(-1)).toBe('again'), { timeout: 10_000 })
})
