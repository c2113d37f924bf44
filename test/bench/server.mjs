/**
 * The far side of the streaming benchmarks: `node server.mjs`, prints its port. The recipe is in the path,
 * `/text-5000/codex/responses`, for POST (server-sent events) and for WebSocket (one event a message) alike. Four events
 * a write, as fast as the reader takes them; short streams are baked once, so that the server is never what is measured.
 * `/trickle-20-300/…` is 20 deltas, each alone and 300 ms after the one before it.
 */
import http from 'node:http'
import { WebSocketServer } from 'ws'
import { setTimeout as sleep } from 'node:timers/promises'
import { playRecipe } from './recipes.mjs'

const EVENTS_PER_WRITE = 4
const BAKED_EVENTS = 50_000
const baked = new Map()
let plays = 0

const recipeOf = (request) => request.url.split('/')[1]

function* group(items, size) {
  let batch = []
  for (const item of items) {
    if (batch.push(item) < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

const toSse = (frames) => Buffer.from(frames.map((frame) => `event: ${/"type":"([^"]+)"/.exec(frame)[1]}\ndata: ${frame}\n\n`).join(''))

/** Batches of a recipe, from the oven where it is short. */
function prepare(recipe, kind, finish) {
  const batches = () => {
    const source = group(playRecipe(recipe), EVENTS_PER_WRITE)
    return (function* () {
      for (const batch of source) yield finish(batch)
    })()
  }
  if (Number(recipe.split('-')[1]) > BAKED_EVENTS) return batches()
  const key = `${kind} ${recipe}`
  if (!baked.has(key)) baked.set(key, [...batches()])
  return baked.get(key)
}

function waitForDrain(stream) {
  return new Promise((resolve) => {
    const finish = () => {
      stream.off('drain', finish).off('close', finish)
      resolve()
    }
    stream.on('drain', finish).on('close', finish)
  })
}

const TRICKLE = /^trickle-(\d+)-(\d+)$/

/** Deltas one by one; what stands before the first of them and behind the last goes in one write each. */
async function trickle([, count, gapMs], kind, finish, write) {
  if (!baked.has(`${kind} ${count}`)) {
    const frames = [...playRecipe(`text-${count}`)]
    const first = frames.findIndex((frame) => frame.includes('"response.output_text.delta"'))
    const deltas = frames.slice(first, first + Number(count)).map((frame) => finish([frame]))
    baked.set(`${kind} ${count}`, { head: finish(frames.slice(0, first)), deltas, tail: finish(frames.slice(first + Number(count))) })
  }
  const { head, deltas, tail } = baked.get(`${kind} ${count}`)
  write(head)
  for (const delta of deltas) {
    await sleep(Number(gapMs))
    write(delta)
  }
  write(tail)
}

/** @param write answers false when the reader has to catch up */
async function pump(batches, write, drained) {
  for (const batch of batches) if (!write(batch)) await drained()
}

const MODELS = JSON.stringify({ models: [{ slug: 'gpt-5.5', display_name: 'GPT-5.5', visibility: 'list', supported_in_api: true, priority: 1, context_window: 272_000 }] })

const server = http.createServer((request, response) => {
  // Without a list each call would ask for one, and wait for the stream that it got.
  if (request.method === 'GET') return void response.writeHead(200, { 'content-type': 'application/json' }).end(MODELS)
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    const drained = () => waitForDrain(response)
    const slow = TRICKLE.exec(recipeOf(request))
    if (slow) return void trickle(slow, 'sse', toSse, (bytes) => response.destroyed || response.write(bytes)).then(() => response.end())
    pump(prepare(recipeOf(request), 'sse', toSse), (bytes) => response.destroyed || response.write(bytes), drained).then(() => response.end(), (error) => response.destroy(error))
  })
})

const sockets = new WebSocketServer({ server, perMessageDeflate: false })
sockets.on('connection', (socket, request) => {
  const wire = request.socket
  const drained = () => waitForDrain(wire)
  socket.on('message', () => {
    // A response has an id of its own: what comes again under an ended one is dropped.
    const id = `resp_${++plays}`
    const write = (frames) => {
      wire.cork()
      for (const frame of frames) socket.send(frame.includes('"resp_b"') ? frame.replaceAll('"resp_b"', `"${id}"`) : frame)
      wire.uncork()
      return wire.destroyed || !wire.writableNeedDrain
    }
    const slow = TRICKLE.exec(recipeOf(request))
    void (slow ? trickle(slow, 'websocket', (frames) => frames, write) : pump(prepare(recipeOf(request), 'websocket', (frames) => frames), write, drained))
  })
})

// With Node's own 5 s a busy machine's client writes to a connection that is being closed, and the run ends there.
server.keepAliveTimeout = 120_000
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(server.address().port))
process.stdin.once('end', () => process.exit(0)).resume()
