/**
 * What the gRPC door adds to the first delta: `node test/bench/grpc.mjs [CALLS]` after a build. In process and through a
 * sidecar call by call in turn, so that a busy machine slows both; the limit is 2 ms between the medians.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import loader from '@grpc/proto-loader'
import { DIST, mountOurs, writeTokenFile } from './mount-ours.mjs'

const calls = Number(process.argv[2] ?? 300)
const WARM_UP = 50
const LIMIT_MS = 2
const path = (name) => fileURLToPath(new URL(name, import.meta.url))

async function startProgram(args, options = {}) {
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  return { port: /\d+/.exec(line)[0], stop: () => child.stdin.end() }
}

const server = await startProgram([path('server.mjs')])
const config = { base_url: `http://127.0.0.1:${server.port}/text-20/codex`, issuer: 'http://127.0.0.1:9', transport: 'sse', login_on_mount: false }
const sidecar = await startProgram([fileURLToPath(new URL('cli/main.js', DIST)), 'serve', '--grpc'], {
  env: { ...process.env, AMPLIFIER_CHATGPT_SECRET: 'bench', AMPLIFIER_CHATGPT_CONFIG: JSON.stringify({ ...config, token_file_path: writeTokenFile() }) },
})
const definition = await loader.load(path('../../schemas/amplifier-module.proto'), { keepCase: true, defaults: true, oneofs: true })
const { ProviderService } = grpc.loadPackageDefinition(definition).amplifier.module
const client = new ProviderService(`127.0.0.1:${sidecar.port}`, grpc.credentials.createInsecure())
const metadata = new grpc.Metadata()
metadata.set('x-amplifier-token', 'bench')
const provider = await mountOurs({ config, handlers: false })

const DOORS = {
  async 'in process'() {
    const started = performance.now()
    let first
    const stream = provider.stream({ messages: [{ role: 'user', content: 'hi' }], model: 'gpt-5.5' })
    for await (const event of stream) if (event.type === 'text.delta') first ??= performance.now() - started
    await stream.response()
    return first
  },
  async 'gRPC sidecar'() {
    const started = performance.now()
    let first
    for await (const message of client.CompleteStreaming({ messages: [{ role: 2, text_content: 'hi' }], model: 'gpt-5.5' }, metadata)) {
      if (message.content_blocks.length > 0) first ??= performance.now() - started
    }
    return first
  },
}

const taken = Object.fromEntries(Object.keys(DOORS).map((name) => [name, []]))
for (let n = 0; n < calls + WARM_UP; n++) {
  for (const [name, call] of Object.entries(DOORS)) {
    const ms = await call()
    if (n >= WARM_UP) taken[name].push(ms)
  }
}
client.close()
sidecar.stop()
server.stop()

const quantile = (values, part) => [...values].sort((left, right) => left - right)[Math.min(values.length - 1, Math.floor(values.length * part))]
console.log(`first delta, ${calls} calls each, ms     median    p95`)
for (const [name, values] of Object.entries(taken)) {
  console.log(`${name.padEnd(38)}${quantile(values, 0.5).toFixed(2).padStart(6)} ${quantile(values, 0.95).toFixed(2).padStart(6)}`)
}
const added = quantile(taken['gRPC sidecar'], 0.5) - quantile(taken['in process'], 0.5)
console.log(`${'added at the median'.padEnd(38)}${added.toFixed(2).padStart(6)}   limit ${LIMIT_MS}`)
process.exit(added <= LIMIT_MS ? 0 : 1)
