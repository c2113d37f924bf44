/** The WebSocket endpoint: who may upgrade, and the sockets that are open. */
import type { IncomingMessage } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { isRefusalReply } from './compute-answer.js'
import type { TwinContext } from './context.js'
import { createEntry, takeInterception } from './handle-request.js'
import { renderBody } from './http-exchange.js'
import { identify, type Door } from './identify.js'
import { detailRefusal, isRefusal, type Refusal } from './refusal.js'
import type { TwinServer } from './server.js'
import { cutRaw } from './socket-channel.js'
import { serveSocket, type SocketSession } from './socket-turns.js'
import type { Grant } from './token-ledger.js'
import type { TwinFaults, TwinInterception, TwinRequest } from './types.js'
import { pause } from './wait.js'

export interface SocketServer {
  upgrade(request: IncomingMessage, raw: Duplex, head: Buffer): Promise<void>
  expire(): void
  forget(): void
  closeAll(code?: number, reason?: string, which?: { idle?: boolean }): void
  close(): void
}

const BETA = 'responses_websockets=2026-02-06'
/** one message of 16 MiB or more is closed with 1009 */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024 - 1
const DOORS: ReadonlyMap<string, Door> = new Map([['/backend-api/codex/responses', 'codex'], ['/v1/responses', 'api']])

export function createSocketServer(context: TwinContext, server: TwinServer): SocketServer {
  const sessions = new Set<SocketSession>()
  const headersFor = new WeakMap<IncomingMessage, Record<string, string>>()
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: true, autoPong: false })
  sockets.on('headers', (lines, request) => {
    for (const [name, value] of Object.entries(headersFor.get(request) ?? {})) lines.push(`${name}: ${value}`)
  })

  const admit = (request: IncomingMessage, entry: TwinRequest): { grant: Grant } | Refusal => {
    const door = DOORS.get(entry.path)
    if (!door) return detailRefusal(404, 'Not Found')
    if (context.options.websocket === false) return detailRefusal(426, 'Upgrade Required')
    const grant = identify(context, door, request.headers)
    if (isRefusal(grant)) return grant
    if (door === 'codex' && !(entry.headers['openai-beta'] ?? '').split(/\s*,\s*/).includes(BETA)) {
      return detailRefusal(400, `Missing required header: OpenAI-Beta: ${BETA}`)
    }
    const { maxSockets } = context.behaviour
    return maxSockets !== undefined && sessions.size >= maxSockets ? detailRefusal(403, 'Forbidden') : { grant }
  }

  return {
    async upgrade(request, raw, head) {
      const entry = createEntry(context, request, new URL(request.url ?? '/', context.url), server.connectionOf(request))
      context.record(Object.assign(entry, { transport: 'websocket' }))
      raw.on('error', () => raw.destroy())
      const scripted = takeScripted(context, entry)
      if (scripted && (await passScript(scripted, raw, context.signal)) === 'over') return
      const admitted = scripted?.refusal ?? admit(request, entry)
      if (isRefusal(admitted)) return refuseUpgrade(raw, entry, admitted, context)
      entry.status = 101
      entry.ended = 'completed'
      headersFor.set(request, buildUpgradeHeaders(context, entry, admitted.grant))
      sockets.handleUpgrade(request, raw, head, (socket) => {
        server.markUpgraded(request)
        const session = serveSocket(context, { socket, raw, grant: admitted.grant, upgrade: entry })
        sessions.add(session)
        socket.once('close', () => sessions.delete(session))
      })
    },
    expire() {
      for (const session of sessions) session.openedAt = -Infinity
    },
    forget() {
      for (const session of sessions) session.state = undefined
    },
    closeAll(code, reason, which = {}) {
      for (const session of sessions) {
        if (which.idle === true && session.isAnswering()) continue
        if (code === undefined) cutRaw(session.raw, true)
        else session.socket.close(code, reason)
      }
    },
    close() {
      for (const session of sessions) session.socket.terminate()
      sockets.close()
    },
  }
}

interface Script {
  /** absent: the upgrade goes on after the delay */
  refusal?: Refusal
  faults: TwinFaults & TwinInterception
}

/** What a test wants this upgrade to meet. */
function takeScripted(context: TwinContext, entry: TwinRequest): Script | undefined {
  const reply = context.replies.take(entry, 'upgrade')
  if (reply && isRefusalReply(reply)) {
    const refusal = { status: reply.status, body: reply.body, ...(reply.headers ? { headers: reply.headers } : {}) }
    return { faults: reply, ...(reply.status === 101 ? {} : { refusal }) }
  }
  const interception = takeInterception(context, entry.path)
  if (!interception) return undefined
  const refusal = { status: interception.status ?? 500, body: interception.body, ...(interception.headers ? { headers: interception.headers } : {}) }
  return { faults: interception, ...(interception.status === 101 ? {} : { refusal }) }
}

async function passScript({ faults }: Script, raw: Duplex, closing: AbortSignal): Promise<'over' | 'go_on'> {
  const gone = new AbortController()
  raw.once('close', () => gone.abort())
  if (faults.delayMs !== undefined && !(await pause(faults.delayMs, AbortSignal.any([gone.signal, closing])))) return 'over'
  if (faults.hang === true || faults.stallAfterEvents === 0) {
    raw.resume()
    return 'over'
  }
  if (faults.reset !== true) return 'go_on'
  cutRaw(raw, true)
  return 'over'
}

function refuseUpgrade(raw: Duplex, entry: TwinRequest, refusal: Refusal, context: TwinContext): void {
  entry.status = refusal.status
  entry.ended = 'refused'
  const { text, type } = renderBody(refusal.body)
  const headers = {
    date: new Date(context.now()).toUTCString(), connection: 'close', 'content-type': type, 'content-length': String(Buffer.byteLength(text)),
    ...(refusal.status === 426 ? { upgrade: 'websocket' } : {}), ...refusal.headers,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  raw.end(`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? 'Unknown'}\r\n${lines.join('')}\r\n${text}`, () => raw.destroy())
}

function buildUpgradeHeaders(context: TwinContext, entry: TwinRequest, grant: Grant): Record<string, string> {
  const requestId = { 'x-request-id': context.ids.next('req') }
  if (grant.lane !== 'codex') return requestId
  const model = /(?:^|;)\s*model=([^;]+)/.exec(entry.headers['x-codex-routing-hint'] ?? '')?.[1]
  return {
    ...requestId, 'x-reasoning-included': 'true', 'x-models-etag': context.models.etag(), 'x-codex-turn-state': context.ids.secret('ts_', 24),
    ...(model === undefined ? {} : { 'openai-model': context.behaviour.servedModels[model] ?? model }),
  }
}
