/** `POST …/responses`: a turn over HTTP. */
import { isRecord, parseJson } from '../lib/index.js'
import { afterLast } from './after-last.js'
import type { TwinContext } from './context.js'
import { hasContentType, resetConnection, sendReply, type HttpExchange } from './http-exchange.js'
import { identify, type Door } from './identify.js'
import { playEvents } from './play-events.js'
import { prepareTurn, type RunningTurn } from './prepare-turn.js'
import { detailRefusal, errorRefusal, isRefusal } from './refusal.js'
import { createSseChannel } from './sse.js'
import { buildTurnHeaders } from './turn-headers.js'
import type { TwinFaults } from './types.js'
import { pause } from './wait.js'

export async function answerTurn(context: TwinContext, exchange: HttpExchange, door: Door): Promise<void> {
  const { entry, request } = exchange
  const grant = identify(context, door, request.headers)
  if (isRefusal(grant)) return sendReply(exchange, grant)
  if (exchange.bodyProblem) return sendReply(exchange, exchange.bodyProblem)
  if (!hasContentType(exchange, 'application/json')) return sendReply(exchange, detailRefusal(415, 'Unsupported content type'))
  if (!isRecord(entry.body)) {
    const message = 'We could not parse the JSON body of your request. The body must be a JSON object.'
    return sendReply(exchange, door === 'codex' ? detailRefusal(400, 'Bad Request') : errorRefusal(400, { message }))
  }
  const prepared = prepareTurn(context, {
    value: entry.body, grant, transport: 'http', entry, recall: (responseId) => context.stored.get(`${grant.accountId}:${responseId}`),
  })
  const state = request.headers['x-codex-turn-state']
  const headers = buildTurnHeaders(context, grant, typeof state === 'string' ? state : undefined)
  const { faults } = prepared
  if (faults.delayMs !== undefined && !(await pause(faults.delayMs, exchange.signal))) {
    if (prepared.kind === 'running') prepared.leave()
    return
  }
  if (prepared.kind === 'refused') {
    if (faults.reset === true) return resetConnection(exchange)
    const { refusal } = prepared
    return sendReply(exchange, { ...refusal, headers: { ...headers, ...(faults.contentType ? { 'content-type': faults.contentType } : {}), ...refusal.headers } })
  }
  try {
    const keeps = prepared.continues && entry.body['store'] !== false
    const events = afterLast(prepared.events, () => {
      if (keeps) context.stored.set(`${grant.accountId}:${prepared.responseId}`, [...prepared.history])
    })
    await runTurn(exchange, { ...prepared, events }, { ...headers, 'openai-model': prepared.servedModel })
  } finally {
    prepared.leave()
  }
}

const isResetAtOnce = (faults: TwinFaults) =>
  faults.reset === true && faults.cutAfterEvents === undefined && faults.cutAfterBytes === undefined

async function runTurn(exchange: HttpExchange, turn: RunningTurn, headers: Record<string, string>): Promise<void> {
  const { response, entry, signal } = exchange
  const { faults } = turn
  if (isResetAtOnce(faults)) return resetConnection(exchange)
  entry.status = 200
  if (!turn.stream) return sendWhole(exchange, turn, headers)
  response.writeHead(200, {
    ...headers, 'content-type': faults.contentType ?? 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', ...faults.headers,
  })
  response.flushHeaders()
  const channel = createSseChannel(response, faults, signal)
  entry.ended = await playEvents({ prelude: [], events: turn.events, faults, channel, signal })
}

/** API-key lane without `stream`: the response object of the terminal event. */
function sendWhole(exchange: HttpExchange, turn: RunningTurn, headers: Record<string, string>): void {
  const last = [...turn.events].at(-1)
  const event = last === undefined ? undefined : parseJson(last.json)
  sendReply(exchange, { status: 200, headers, body: isRecord(event) ? event['response'] : {} })
}
