import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as grpc from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import { createGrpcServer, type GrpcServer, type GrpcServerOptions } from '../../src/grpc/index.js'
import { startTwin, type Twin } from '../../src/twin/index.js'

export type Reply = Record<string, never>
export interface Message { content_blocks: { text_block?: { text: string }; thinking_block?: { thinking: string; content: string } }[]; metadata_json: string; finish_reason: string; usage: { total_tokens: number } | null; content: string; tool_calls: { name: string; arguments_json: string }[] }
type Unary = (request: object, metadata: grpc.Metadata, options: object, done: (error: grpc.ServiceError | null, reply: Reply) => void) => void
export type Lifecycle = grpc.Client & Record<string, Unary>
export type ProviderClient = Lifecycle & { CompleteStreaming(request: object, metadata: grpc.Metadata, options?: object): grpc.ClientReadableStream<Message> }

export const SECRET = 'made-up-secret'

export interface OpenDoor {
  twin: Twin
  door: GrpcServer
  client: ProviderClient
  lifecycle: Lifecycle
  close(): Promise<void>
}

/** The services of our own proto file, for clients and stand-in servers. */
export async function loadServices(): Promise<Record<string, grpc.ServiceClientConstructor>> {
  const path = fileURLToPath(new URL('../../schemas/amplifier-module.proto', import.meta.url))
  const loaded = grpc.loadPackageDefinition(await load(path, { keepCase: true, defaults: true, oneofs: true }))
  return (loaded.amplifier as grpc.GrpcObject).module as Record<string, grpc.ServiceClientConstructor>
}

/** A server with a secret, signed in at a twin, `base` laid over its own settings, and clients of both its services. */
export async function openGrpcServer(options: GrpcServerOptions = {}, base: Record<string, unknown> = {}): Promise<OpenDoor> {
  const twin = await startTwin()
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
  const token = join(folder, 'tokens.json')
  await writeFile(token, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: token, transport: 'sse', max_retries: 0, ...base }
  const door = await createGrpcServer({ secret: SECRET, config, ...options })
  const services = await loadServices()
  const limits = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }
  const make = (name: string) => new (services[name] as grpc.ServiceClientConstructor)(`127.0.0.1:${door.port}`, grpc.credentials.createInsecure(), limits)
  const client = make('ProviderService') as never as ProviderClient
  const lifecycle = make('ModuleLifecycle') as never as Lifecycle
  return {
    twin, door, client, lifecycle,
    async close() {
      client.close()
      lifecycle.close()
      await door.close()
      await twin.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export function metadata(more: Record<string, string> = {}, secret = SECRET): grpc.Metadata {
  const result = new grpc.Metadata()
  if (secret) result.set('x-amplifier-token', secret)
  for (const [key, value] of Object.entries(more)) result.set(key, value)
  return result
}

export const ask = (text: string, more: object = {}) => ({ messages: [{ role: 2, text_content: text }], model: 'gpt-5.5', ...more })

export function call(on: Record<string, Unary>, method: string, request: object, meta = metadata()): Promise<Reply> {
  return new Promise((resolve, reject) => on[method]?.call(on, request, meta, {}, (error, reply) => (error ? reject(error) : resolve(reply))))
}
