import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, doneItems, openSocket, post, readEvents, signIn, user, type Json, type SignedIn } from './support/raw-client.js'

const folder = new URL('../fixtures/streams/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'))
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8').trim().split('\n')

let signed: SignedIn
beforeAll(async () => { signed = await signIn() })
afterAll(() => signed.twin.close())

const turn = (body: Json) => post(`${signed.twin.baseUrl}/responses`, body, signed.headers)

test('there are recordings to play', () => expect(names.length).toBeGreaterThan(10))

describe.each(names)('%s', (name) => {
  test('is served byte for byte over SSE, and frame for frame over a WebSocket', async () => {
    const { twin, headers } = signed
    const lines = read(name)
    twin.enqueue({ events: lines }, { events: lines.map((line) => JSON.parse(line) as unknown) })
    const reply = await turn(ask('a'))
    expect(reply.text).toBe(lines.map((line) => `event: ${String((JSON.parse(line) as Json)['type'])}\ndata: ${line}\n\n`).join(''))
    const socket = await openSocket(`${twin.baseUrl}/responses`, headers)
    socket.send({ type: 'response.create', ...ask('a') })
    const frames: Json[] = []
    while (frames.length < lines.length) frames.push(await socket.next())
    expect(frames).toEqual(lines.map((line) => JSON.parse(line) as unknown))
    socket.socket.terminate()
  })
})

test('what a recording sealed may be sent back by the account that got it, and its calls can be answered', async () => {
  const lines = read('reasoning-and-call.jsonl')
  signed.twin.enqueue({ events: lines })
  const items = doneItems(readEvents((await turn(ask('a'))).text))
  const outputs = items.filter((item) => item['type'] === 'function_call').map((call) => ({ type: 'function_call_output', call_id: call['call_id'], output: '19' }))
  expect(items.some((item) => item['type'] === 'reasoning') && outputs.length > 0).toBe(true)
  expect((await turn(ask('', { input: [user('a'), ...items, ...outputs] }))).status).toBe(200)
})

test('a recorded answer can be continued on its WebSocket by its own response id', async () => {
  const { twin, headers } = signed
  const lines = read('reasoning-and-call.jsonl')
  twin.enqueue({ events: lines })
  const socket = await openSocket(`${twin.baseUrl}/responses`, headers)
  const events = await socket.turn({ type: 'response.create', ...ask('a') })
  const { id } = events.at(-1)?.['response'] as Json
  const output = doneItems(events).find((item) => item['type'] === 'function_call')
  const next = await socket.turn({
    type: 'response.create', ...ask('', { previous_response_id: id, input: [{ type: 'function_call_output', call_id: output?.['call_id'], output: '19' }] }),
  })
  expect(next.at(-1)).toMatchObject({ type: 'response.completed' })
})
