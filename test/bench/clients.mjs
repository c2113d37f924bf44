/**
 * One adapter a client, from the address of the server to a function that makes one call and answers how many deltas of
 * text or arguments it saw. `bare` is the practical limit: undici, eventsource-parser, JSON.parse and nothing else;
 * `bare-ws` is `ws` and JSON.parse.
 */
import { createParser } from 'eventsource-parser'
import { request } from 'undici'
import WebSocket from 'ws'
import { mountOurs } from './mount-ours.mjs'
import { importPeer } from './peers.mjs'

const WIRE_DELTAS = new Set(['response.output_text.delta', 'response.function_call_arguments.delta'])
const TOOL = { name: 'write_file', parameters: { type: 'object', properties: {} } }
const QUESTION = { messages: [{ role: 'user', content: 'hi' }], tools: [TOOL] }

/** Counts deltas; `onDelta`, if there is one, is told of each, and waited for where it answers a promise. */
class Tally {
  deltas = 0
  constructor(onDelta) {
    this.onDelta = onDelta
  }
  add() {
    this.deltas++
    return this.onDelta?.(this.deltas)
  }
}

export const clients = {
  async bare({ origin, recipe }) {
    return async ({ onDelta } = {}) => {
      const count = new Tally(onDelta)
      const { body } = await request(`${origin}/${recipe}/codex/responses`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
      let waiting
      const parser = createParser({
        onEvent(event) {
          if (WIRE_DELTAS.has(JSON.parse(event.data).type)) waiting = count.add() ?? waiting
        },
      })
      const decoder = new TextDecoder()
      for await (const piece of body) {
        parser.feed(decoder.decode(piece, { stream: true }))
        if (waiting) waiting = await waiting
      }
      return count.deltas
    }
  },

  async 'bare-ws'({ origin, recipe }) {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/${recipe}/codex/responses`, { perMessageDeflate: false })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return ({ onDelta } = {}) => new Promise((resolve) => {
      const count = new Tally(onDelta)
      socket.removeAllListeners('message').on('message', (data) => {
        const event = JSON.parse(data.toString())
        if (WIRE_DELTAS.has(event.type)) count.add()
        else if (event.type === 'response.completed') {
          resolve(count.deltas)
          if (recipe.startsWith('trickle')) socket.close()
        }
      })
      socket.send('{"type":"response.create"}')
    })
  },

  ours: (at) => ours(at, { handlers: false }),
  'ours-handlers': (at) => ours(at, { handlers: true }),
  'ours-ws': (at) => ours(at, { transport: 'websocket', handlers: false }),

  async pi({ origin, recipe, token }) {
    const { streamOpenAICodexResponses } = await importPeer('pi')
    const model = {
      id: 'gpt-5.5', name: 'x', api: 'openai-codex-responses', provider: 'openai-codex', baseUrl: `${origin}/${recipe}`, reasoning: true,
      input: ['text'], cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }, contextWindow: 1, maxTokens: 1,
    }
    return async ({ onDelta } = {}) => {
      const count = new Tally(onDelta)
      const context = { systemPrompt: 's', messages: [{ role: 'user', content: 'hi', timestamp: 0 }] }
      for await (const event of streamOpenAICodexResponses(model, context, { apiKey: token, transport: 'sse' })) {
        if (event.type === 'text_delta' || event.type === 'toolcall_delta') {
          const waiting = count.add()
          if (waiting) await waiting
        }
        if (event.type === 'error') throw new Error(event.error.errorMessage)
      }
      return count.deltas
    }
  },

  async aisdk({ origin, recipe }) {
    const { createOpenAI } = await importPeer('aisdk')
    const model = createOpenAI({ apiKey: 'k', baseURL: `${origin}/${recipe}/codex` }).responses('gpt-5.5')
    return async ({ onDelta } = {}) => {
      const count = new Tally(onDelta)
      const { stream } = await model.doStream({
        prompt: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
        tools: [{ type: 'function', name: TOOL.name, inputSchema: TOOL.parameters }],
      })
      for await (const event of stream) {
        if (event.type === 'text-delta' || event.type === 'tool-input-delta') {
          const waiting = count.add()
          if (waiting) await waiting
        }
        if (event.type === 'error') throw event.error
      }
      return count.deltas
    }
  },

  async openai({ origin, recipe }) {
    const { default: OpenAI } = await importPeer('openai')
    const client = new OpenAI({ apiKey: 'k', baseURL: `${origin}/${recipe}/codex` })
    return async ({ onDelta } = {}) => {
      const count = new Tally(onDelta)
      const stream = await client.responses.create({ model: 'gpt-5.5', input: 'hi', stream: true })
      for await (const event of stream) if (WIRE_DELTAS.has(event.type)) {
          const waiting = count.add()
          if (waiting) await waiting
        }
      return count.deltas
    }
  },
}

async function ours({ origin, recipe }, { transport = 'sse', handlers }) {
  const provider = await mountOurs({
    handlers,
    config: { base_url: `${origin}/${recipe}/codex`, issuer: origin, transport, max_concurrency: 100_000, models_cache_ttl: 36_000 },
  })
  return async ({ onDelta, conversation } = {}) => {
    const count = new Tally(onDelta)
    for await (const event of provider.stream(conversation ? { ...QUESTION, conversation_id: conversation } : QUESTION)) {
      if (event.type === 'text.delta' || event.type === 'tool_call.delta') {
        const waiting = count.add()
        if (waiting) await waiting
      } else if (event.type === 'error') throw new Error(JSON.stringify(event.error))
    }
    return count.deltas
  }
}
