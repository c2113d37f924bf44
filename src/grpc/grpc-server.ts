import type { Metadata, Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js'
import {
  AbortError, ConfigurationError, ProviderUnavailableError, readTraceContext, type Coordinator, type ProviderInfo, type TraceContext,
} from '../contract/index.js'
import { MODULE_ID } from '../container.js'
import { configSchema } from '../config/index.js'
import { orAbort, within } from '../lib/index.js'
import { providerConfigFields } from '../index.js'
import { VERSION } from '../version.js'
import { createCallEvents } from './call-events.js'
import { createCallOrder, type CallOrder } from './call-order.js'
import { createAuthInterceptor } from './auth-interceptor.js'
import { writeStatus } from './grpc-failure.js'
import { createKernelHooks } from './kernel-hooks.js'
import { loadGrpc, type LoadedGrpc } from './load-grpc.js'
import type { MountSlot } from './mount-slot.js'
import { createMountSlots, type MountSlots } from './mount-slots.js'
import type { ProtoChatRequest, ProtoChatResponse, ProtoMountRequest } from './proto-types.js'
import { openCall } from './open-call.js'
import { createPrivateSocket } from './private-socket.js'
import { readChatRequest, readChatResponse, readLostFields } from './read-proto.js'
import { streamCall } from './stream-call.js'
import { writeChatResponse, writeModelInfo, writeProviderInfo, writeToolCall } from './write-proto.js'

export interface GrpcServerOptions {
  /** mount config; a kernel's Mount lays its own over it */
  config?: Record<string, unknown>
  /** what `x-amplifier-token` must say; absent lets in whoever reaches the address, and mounts only what a project may say */
  secret?: string
  /** a kernel's own service, which is told every event that no caller takes; default: none */
  kernel?: { address: string; token?: string }
  /** default: any that is free */
  port?: number
  /** true listens at a socket file that this user alone reaches, instead of a port; not on Windows. Default false */
  privateSocket?: boolean
  /** how long a connection may be silent before it has to answer a ping, within a fifth of that; default 5 minutes */
  keepaliveMs?: number
  /** sees each mount's coordinator before its first call, to listen to its events; default: nobody */
  prepare?: (coordinator: Coordinator) => void
  /** default: nowhere */
  warn?: (message: string) => void
}

export interface GrpcServer {
  /** 0 where it listens at a socket file */
  readonly port: number
  /** what clients connect to: `127.0.0.1:<port>`, or `unix:` and the socket file's path */
  readonly address: string
  /** Cancels what runs, closes the port and takes the mount down. Twice without harm. */
  close(): Promise<void>
}

/** 5 MB of image are 7 MB of base64, and a turn may hold several. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024
/** Node keeps the socket of a client that broke the protocol and went away: without pings each costs a descriptor for good. */
const KEEPALIVE_MS = 300_000
/** A client that computes answers late: 20 ms dropped good ones on a busy machine. */
const MIN_PING_WAIT_MS = 2_000
/** how long calls that were just cancelled may take to say so */
const ORDERLY_MS = 250

interface Inside extends LoadedGrpc {
  slots: MountSlots
  events: ReturnType<typeof createCallEvents>
  calls: CallOrder
  running: Set<AbortController>
}

/** Serves a provider to kernels of other processes of this machine. @throws ConfigurationError, Error where the port is taken */
export async function createGrpcServer(options: GrpcServerOptions = {}): Promise<GrpcServer> {
  const { config = {}, secret, kernel, port = 0, keepaliveMs = KEEPALIVE_MS, warn = () => undefined } = options
  if (secret?.trim() === '') throw new ConfigurationError('the secret is empty: give one, or none at all', { code: 'empty_secret' })
  const loaded = await loadGrpc()
  const { grpc } = loaded
  const hooks = kernel && createKernelHooks(loaded, { ...kernel, warn })
  const events = createCallEvents(hooks?.emit)
  const inside: Inside = { ...loaded, events, calls: createCallOrder(), slots: createMountSlots({ config, events, warn, prepare: options.prepare, isAnonymous: secret === undefined }), running: new Set() }
  const server = new grpc.Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES, 'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': keepaliveMs, 'grpc.keepalive_timeout_ms': Math.max(keepaliveMs / 5, MIN_PING_WAIT_MS),
    ...(secret === undefined ? {} : { interceptors: [createAuthInterceptor(loaded, secret)] }),
  })
  server.addService(loaded.provider, serveProvider(inside))
  server.addService(loaded.lifecycle, serveLifecycle(inside))
  const socket = options.privateSocket ? await createPrivateSocket() : undefined
  const bound = await bind(server, inside, socket?.address ?? `127.0.0.1:${port}`).catch(async (error: unknown) => {
    await socket?.remove()
    throw error
  })
  await socket?.protect()
  let closed: Promise<void> | undefined
  const close = async () => {
    for (const call of inside.running) call.abort()
    await endOrderly(server)
    await inside.slots.close()
    hooks?.close()
    await socket?.remove()
  }
  return { port: socket ? 0 : bound, address: socket?.address ?? `127.0.0.1:${bound}`, close: () => (closed ??= close()) }
}

/** Without the notice of an orderly end gRPC's C library prints a line of its own at each client's terminal. */
async function endOrderly(server: Server): Promise<void> {
  const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
  await within(ORDERLY_MS, ended, () => new Error('calls still run')).catch(() => undefined)
  server.forceShutdown()
}

function bind(server: Server, { grpc }: Inside, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, found) => (error ? reject(error) : resolve(found)))
  })
}

interface CallLike {
  cancelled: boolean
  on(event: 'cancelled', listener: () => void): unknown
}

/** Lets a call in, gives it a signal that ends with it, and turns what it throws into a status. */
async function admit<Value>(inside: Inside, call: CallLike, work: (signal: AbortSignal) => Promise<Value>): Promise<{ value: Value } | { failure: object }> {
  const { running } = inside
  const cancel = new AbortController()
  running.add(cancel)
  // gRPC tells it of every call whose stream closes, also of one that was answered: an abort then costs 0.5 ms and reaches nobody.
  call.on('cancelled', () => { if (running.has(cancel)) cancel.abort() })
  try {
    if (call.cancelled) throw new AbortError('the caller went away')
    return { value: await work(cancel.signal) }
  } catch (error) {
    return { failure: writeStatus(error, inside) }
  } finally {
    running.delete(cancel)
  }
}

function unary<Request, Response>(inside: Inside, work: (request: Request, signal: AbortSignal, metadata: Metadata) => Promise<Response>) {
  return (call: ServerUnaryCall<Request, Response>, answer: sendUnaryData<Response>) => {
    void admit(inside, call, (signal) => work(call.request, signal, call.metadata)).then((outcome) => {
      if ('failure' in outcome) answer(outcome.failure)
      else answer(null, outcome.value)
    })
  }
}

function serveProvider(inside: Inside) {
  const { slots, events, calls } = inside
  // The mount goes on for the others who wait for it.
  const mounted = (metadata: Metadata, signal: AbortSignal) => orAbort(slots.of(metadata).provider(), signal)
  return {
    GetInfo: unary(inside, async (_empty: object, signal, metadata) => writeProviderInfo(await orAbort(readInfo(slots.of(metadata)), signal))),
    ListModels: unary(inside, async (_empty: object, signal, metadata) => ({ models: (await (await mounted(metadata, signal)).listModels({ signal })).map(writeModelInfo) })),
    Complete: unary(inside, async (proto: ProtoChatRequest, signal, metadata) => {
      const request = readChatRequest(proto, calls)
      const response = await openCall(await mounted(metadata, signal), request, { signal, trace: readTrace(metadata) }).response()
      // First seen here, so that they come back as the model wrote them.
      for (const block of response.content) if (block.type === 'tool_call') calls.keep(block.id, block.input)
      return writeChatResponse(response)
    }),
    ParseToolCalls: unary(inside, async (proto: ProtoChatResponse, signal, metadata) => {
      const response = readChatResponse(proto)
      return { tool_calls: (await mounted(metadata, signal)).parseToolCalls(response).map(writeToolCall) }
    }),
    CompleteStreaming(call: ServerWritableStream<ProtoChatRequest, ProtoChatResponse>) {
      const asCheckpoint = call.metadata.get('x-amplifier-operation')[0] === 'compaction'
      const withEvents = call.metadata.get('x-amplifier-events')[0] === '1'
      void admit(inside, call, async (signal) => {
        const request = { ...readChatRequest(call.request, calls), ...readLostFields(call.metadata.get('x-amplifier-fields')[0]) }
        const provider = await mounted(call.metadata, signal)
        await streamCall({ provider, request, signal, trace: readTrace(call.metadata), events, withEvents, asCheckpoint, write: (message) => writeWhenRoom(call, message, signal) })
      }).then((outcome) => {
        if ('failure' in outcome) call.emit('error', outcome.failure)
        else call.end()
      })
    },
  }
}

/** The span that the caller works in. */
const readTrace = (metadata: Metadata): TraceContext | undefined => readTraceContext((name) => metadata.get(name)[0])

/** Waits for a slow client instead of keeping its answer in memory. */
async function writeWhenRoom(call: ServerWritableStream<ProtoChatRequest, ProtoChatResponse>, message: ProtoChatResponse, signal: AbortSignal): Promise<void> {
  if (signal.aborted || call.write(message)) return
  await new Promise<void>((resolve) => {
    const done = () => {
      call.off('drain', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    call.on('drain', done)
    signal.addEventListener('abort', done, { once: true })
  })
}

/** A kernel asks who we are before anything else, also while nobody is signed in. */
async function readInfo(slot: MountSlot): Promise<ProviderInfo> {
  const provider = await slot.provider().catch(() => undefined)
  return provider?.getInfo() ?? {
    id: 'openai-chatgpt', display_name: 'OpenAI ChatGPT', credential_env_vars: [], capabilities: ['streaming', 'tools', 'thinking', 'vision', 'json_mode'],
    defaults: {}, config_fields: [...providerConfigFields],
  }
}

function serveLifecycle(inside: Inside) {
  const { slots } = inside
  return {
    Mount: unary(inside, async ({ config, module_id: moduleId }: ProtoMountRequest, _signal, metadata) => {
      try {
        if (moduleId && moduleId !== MODULE_ID) throw new ProviderUnavailableError(`this is ${MODULE_ID}, not ${moduleId}`, { retryable: false })
        await slots.mount(metadata, config)
        return { success: true, error: '', status: 1 }
      } catch (error) {
        return { success: false, error: error instanceof Error ? error.message : String(error), status: 2 }
      }
    }),
    Cleanup: unary(inside, async (_empty: object, _signal, metadata) => {
      await slots.unmount(metadata)
      return {}
    }),
    HealthCheck: unary(inside, (_empty: object, _signal, metadata) => Promise.resolve({ status: 1, message: slots.of(metadata).lastWarning ?? '' })),
    GetModuleInfo: unary(inside, () => Promise.resolve({
      id: MODULE_ID, name: 'OpenAI ChatGPT', version: VERSION, module_type: 1, mount_point: 'providers',
      description: 'Serves models with a ChatGPT subscription', config_schema_json: JSON.stringify(configSchema), capabilities: ['streaming', 'tools'], author: '',
    })),
  }
}
