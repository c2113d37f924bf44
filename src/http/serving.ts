import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { ConfigurationError } from '../contract/index.js'
import { createAbortListeners, LightAbortSignal, type AbortListeners } from '../lib/index.js'
import type { Page } from '../page/index.js'
import type { Gate } from './admit-request.js'
import { createConnections } from './connections.js'
import type { Endpoint, EndpointTimes, Exchange } from './endpoint.js'
import { HttpFailure } from './http-failure.js'
import type { HttpServerOptions } from './http-server-options.js'
import { createKeyRing, hashKey, idOf, type HttpKey, type StoredKey } from './key-ring.js'
import { describeNote } from './request-log.js'
import { createMemoryStore } from './response-store.js'
import { createThoughtMemory } from './thought-memory.js'

const TIMES: EndpointTimes = { headAfterMs: 250, keepAliveMs: 15_000, stalledReaderMs: 120_000, socketLifeMs: 60 * 60_000 }

/** What the requests of one server go through. */
export interface Serving {
  endpoint: Endpoint
  gate: Gate
  page: Page | undefined
  running: Map<LightAbortSignal, Exchange>
  draining: boolean
  connectionOf: ReturnType<typeof createConnections>
  /** A client may send many requests over one connection before it reads. */
  aborts: AbortListeners
}

/** @param address where the server listens, asked once it does. @throws ConfigurationError without a key */
export function prepareServing(options: HttpServerOptions, address: () => AddressInfo | undefined): Serving {
  const { key, keys, provider, now = Date.now } = options
  if (!key && !keys) throw new ConfigurationError('the HTTP server needs a key', { code: 'no_key' })
  const own: StoredKey[] = key ? [{ name: 'default', sha256: hashKey(key), created_at: '' }] : []
  const endpoint: Endpoint = {
    provider,
    roles: options.roles ?? [],
    messageModels: options.messageModels ?? {},
    store: options.store ?? createMemoryStore({ now }),
    thoughts: createThoughtMemory(),
    owners: new WeakMap(),
    times: { ...TIMES, ...options.times },
    ...(options.log ? { log: options.log } : {}),
    now,
  }
  let listening: AddressInfo | undefined
  const known = (): readonly StoredKey[] => (keys ? [...own, ...keys()] : own)
  const gate: Gate = {
    findKey: createKeyRing(known),
    keyIds: () => new Set(known().map(idOf)),
    address: () => (listening ??= address()),
    host: options.host ?? '127.0.0.1',
    allowHosts: options.allowHosts ?? [],
    allowOrigins: options.allowOrigins ?? [],
  }
  return { endpoint, gate, page: options.page, running: new Map(), draining: false, connectionOf: createConnections(), aborts: createAbortListeners() }
}

/** What a server that is ending says to whoever asks it. */
export const shuttingDown = (): HttpFailure =>
  new HttpFailure(503, 'The server is ending: ask again, it or another one may be there.', { type: 'service_unavailable_error', code: 'server_shutdown', headers: { connection: 'close' } })

/** As `x-request-id` says it. */
export const createRequestId = (): string => `req_${randomUUID().replaceAll('-', '')}`

/** How soon what runs is cut after its key was revoked. */
const LOOK_FOR_REVOKED_MS = 250

/** Cuts what runs with a key that was revoked meanwhile. @returns the end of it */
export function cutRevoked({ running, gate }: Serving): () => void {
  const timer = setInterval(() => {
    if (running.size === 0) return
    const held = gate.keyIds()
    // Before its key is found a request has none.
    for (const [signal, { key }] of running) if (key.id !== '' && !held.has(key.id)) signal.abort(keyRevoked())
  }, LOOK_FOR_REVOKED_MS)
  timer.unref()
  return () => clearInterval(timer)
}

export const keyRevoked = (): HttpFailure => new HttpFailure(401, 'The key of this request was revoked.', { type: 'authentication_error', code: 'invalid_api_key' })

/** An exchange while it runs: the server's end cuts it, and so does `gone`. */
export interface RunningExchange {
  exchange: Exchange
  /** Once, when it is over. */
  end(about: { method: string; path: string; status: number }): void
}

export function openExchange({ endpoint, running, aborts }: Serving, key: HttpKey, gone: AbortSignal): RunningExchange {
  const startedAt = endpoint.now()
  const signal = new LightAbortSignal()
  const leave = (): void => signal.abort(gone.reason)
  const takeBack = aborts.add(gone, leave)
  const exchange: Exchange = { endpoint, key, signal, id: createRequestId(), client: {}, note: { ignored: [] } }
  running.set(signal, exchange)
  return {
    exchange,
    end(about) {
      takeBack()
      running.delete(signal)
      const { id, note } = exchange
      endpoint.log?.({
        time: new Date(startedAt).toISOString(), request_id: id, key: exchange.key.name, ...about, duration_ms: endpoint.now() - startedAt, ...describeNote(note, startedAt),
      })
    },
  }
}
