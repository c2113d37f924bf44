/**
 * The far side of the streaming benchmarks: `node server.mjs`, prints its port. The recipe is in the path,
 * `/text-5000/codex/responses`, for POST (server-sent events) and for WebSocket (one event a message) alike. Four events
 * a write, as fast as the reader takes them; short streams are baked once, so that the server is never what is measured.
 */
import http from 'node:http'
import { WebSocketServer } from 'ws'
import { playRecipe } from './recipes.mjs'

const EVENTS_PER_WRITE = 4
const BAKED_EVENTS = 50_000
const baked = new Map()

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

/** @param write answers false when the reader has to catch up */
async function pump(batches, write, drained) {
  for (const batch of batches) if (!write(batch)) await drained()
}

const server = http.createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    const drained = () => waitForDrain(response)
    pump(prepare(recipeOf(request), 'sse', toSse), (bytes) => response.destroyed || response.write(bytes), drained).then(() => response.end())
  })
})

const sockets = new WebSocketServer({ server, perMessageDeflate: false })
sockets.on('connection', (socket, request) => {
  const wire = request.socket
  const drained = () => waitForDrain(wire)
  socket.on('message', () => {
    const write = (frames) => {
      wire.cork()
      for (const frame of frames) socket.send(frame)
      wire.uncork()
      return wire.destroyed || !wire.writableNeedDrain
    }
    void pump(prepare(recipeOf(request), 'websocket', (frames) => frames), write, drained)
  })
})

server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.once('end', () => process.exit(0)).resume()
