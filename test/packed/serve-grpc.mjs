/**
 * Calls `serve --grpc` of an installed package as a kernel would: `node test/packed/serve-grpc.mjs PACKAGE_FOLDER`.
 * Protocol file, gRPC packages and twin are the installed ones.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const folder = resolve(process.argv[2] ?? '.')
const require = createRequire(join(folder, 'package.json'))
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')
const { startTwin } = await import(pathToFileURL(join(folder, 'dist', 'twin', 'index.js')).href)

const twin = await startTwin()
const home = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-packed-'))
const tokens = join(home, 'tokens.json')
await writeFile(tokens, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokens }
const child = spawn(process.execPath, [join(folder, 'dist', 'cli', 'main.js'), 'serve', '--grpc'], {
  cwd: home, stdio: ['pipe', 'pipe', 'inherit'],
  env: { ...process.env, HOME: home, USERPROFILE: home, AMPLIFIER_CHATGPT_SECRET: 'made-up', AMPLIFIER_CHATGPT_CONFIG: JSON.stringify(config) },
})
const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
const port = /^READY:(\d+)\n$/.exec(line)?.[1]
if (!port) throw new Error(`the first line should be READY:<port>, found ${JSON.stringify(line)}`)

const definition = await loader.load(join(folder, 'schemas', 'amplifier-module.proto'), { keepCase: true, defaults: true, oneofs: true })
const Service = grpc.loadPackageDefinition(definition).amplifier.module.ProviderService
const client = new Service(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
const metadata = new grpc.Metadata()
metadata.set('x-amplifier-token', 'made-up')
const answer = await new Promise((resolveCall, reject) => {
  client.Complete({ messages: [{ role: 2, text_content: 'hello from outside' }] }, metadata, (error, reply) => (error ? reject(error) : resolveCall(reply)))
})
if (!answer.content.includes('hello from outside')) throw new Error(`the answer should echo, found ${answer.content}`)
client.close()
const closed = once(child, 'close')
// Windows has no SIGTERM to catch; the end of stdin ends it everywhere.
child.stdin.end()
const [code] = await closed
await twin.close()
await rm(home, { recursive: true, force: true })
if (code !== 0) throw new Error(`serve --grpc ended with ${code}`)
console.log(`READY:<port>, one call served by ${JSON.parse(answer.metadata_json).route?.resolved_model ?? 'a model'}, ended with 0`)
