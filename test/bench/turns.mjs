/**
 * A tool loop of 200 turns with results of 4 KB on the twin: `node turns.mjs websocket|sse`, answers JSON: what turn 200
 * sent, and the client's whole CPU of a turn around turn 20 and around turn 200.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { DIST, mountOurs } from './mount-ours.mjs'

const [transport = 'websocket'] = process.argv.slice(2)
const TURNS = 200
const INSTRUCTIONS = 'You are a careful engineer. Read before you write, and say what you changed. '.repeat(20)
const TOOLS = ['read_file', 'write_file', 'run', 'search'].map((name) => ({
  name,
  description: `${name}: works on the files of the project, with paths relative to its root. `.repeat(4),
  parameters: { type: 'object', properties: { path: { type: 'string', description: 'where' }, text: { type: 'string' } }, required: ['path'] },
}))

const twin = spawn(process.execPath, [fileURLToPath(new URL('twin/serve.js', DIST))], { stdio: ['pipe', 'pipe', 'inherit'] })
const [line] = await once(twin.stdout.setEncoding('utf8'), 'data')
const { url, issuer, base_url } = JSON.parse(line)
const ask = async (word, ...values) => {
  const response = await fetch(`${url}/__twin/${word}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(values) })
  return (await response.json()).result
}

const reply = (turn) => ({ toolCalls: [{ name: 'read_file', arguments: { path: `src/file-${turn}.ts` }, call_id: `call_${turn}` }] })
await ask('enqueue', ...Array.from({ length: TURNS }, (_, index) => reply(index + 1)))
const tokens = await ask('issueTokens')
const provider = await mountOurs({ handlers: true, tokens, config: { base_url, issuer, transport, max_concurrency: 4 } })

const text = (turn) => `${turn} lorem ipsum dolor sit amet, `.repeat(200).slice(0, 4096)
const messages = [{ role: 'system', content: INSTRUCTIONS }, { role: 'user', content: 'Read all files.' }]
const spent = []
for (let turn = 1; turn <= TURNS; turn++) {
  const before = process.cpuUsage()
  const { content, tool_calls } = await provider.complete({ model: 'gpt-5.5', messages, tools: TOOLS, conversation_id: 'bench' })
  const { user, system } = process.cpuUsage(before)
  spent.push((user + system) / 1000)
  messages.push({ role: 'assistant', content })
  for (const call of tool_calls) messages.push({ role: 'tool', tool_call_id: call.id, content: text(turn) })
}

const median = (values) => values.sort((left, right) => left - right)[values.length >> 1]
const sent = await ask('responses')
const last = sent[TURNS - 1]
const bytes = (value) => Buffer.byteLength(JSON.stringify(value))
const needed = bytes(last.body.input) + bytes(last.body.tools) + bytes(last.body.instructions)
console.log(JSON.stringify({
  transport: last.transport, turns: sent.length, bytes: bytes(last.body), needed_bytes: needed, items: last.body.input.length,
  cpu_ms_turn_20: median(spent.slice(10, 30)), cpu_ms_turn_200: median(spent.slice(-20)),
}))
twin.kill()
process.exit(0)
