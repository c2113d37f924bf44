/**
 * The least a Node endpoint can do: reads the backend's Responses stream, writes chat completion chunks, nothing else.
 * `node endpoint-bare.mjs BACKEND`, prints `{"base_url"}` as `serve --http --json` does.
 */
import http from 'node:http'
import { createParser } from 'eventsource-parser'
import { Agent, request } from 'undici'

const [backend] = process.argv.slice(2)
const dispatcher = new Agent({ connections: null })

const server = http.createServer(async (asked, answer) => {
  let text = ''
  for await (const part of asked.setEncoding('utf8')) text += part
  const { model, messages } = JSON.parse(text)
  const input = messages.map(({ role, content }) => ({ role, content: [{ type: 'input_text', text: content }] }))
  const upstream = await request(`${backend}/responses`, {
    method: 'POST', dispatcher, headers: { 'content-type': 'application/json', authorization: 'Bearer x' }, body: JSON.stringify({ model, stream: true, store: false, instructions: '', input }),
  })
  answer.writeHead(200, { 'content-type': 'text/event-stream' })
  const write = (delta, finish_reason = null) => answer.write(`data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason }] })}\n\n`)
  const parser = createParser({
    onEvent({ data }) {
      const event = JSON.parse(data)
      if (event.type === 'response.created') write({ role: 'assistant', content: '' })
      else if (event.type === 'response.output_text.delta') write({ content: event.delta })
      else if (event.type === 'response.completed') write({}, 'stop')
    },
  })
  const decoder = new TextDecoder()
  for await (const bytes of upstream.body) parser.feed(decoder.decode(bytes, { stream: true }))
  answer.end('data: [DONE]\n\n')
})
// See server.mjs.
server.keepAliveTimeout = 120_000
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(JSON.stringify({ base_url: `http://127.0.0.1:${server.address().port}/v1`, key: 'x' })))
