/** `POST /__twin/<word>`: the twin's methods for other processes, on loopback, where `control` is switched on. */
import { isRecord } from '../lib/index.js'
import { sendReply, type HttpExchange } from './http-exchange.js'
import type { Twin, TwinReply, TwinRequest } from './types.js'

/** A reply's `match` cannot cross a process; `matchText` takes it for requests whose body has that text. */
function decodeReply(value: unknown): TwinReply {
  if (!isRecord(value)) throw new TypeError('enqueue takes replies as objects')
  const { matchText, ...reply } = value
  const match = typeof matchText === 'string' ? { match: (request: TwinRequest) => JSON.stringify(request.body ?? '').includes(matchText) } : {}
  return { ...reply, ...match } as TwinReply
}

/** The words and what they call: `arguments` is the body, a list of the method's arguments. */
function run(twin: Twin, word: string, values: readonly unknown[]): unknown {
  const [first, second, third] = values
  const record = isRecord(first) ? first : {}
  switch (word) {
    case 'issueTokens': return twin.issueTokens(record)
    case 'issueApiKey': return twin.issueApiKey()
    case 'approveDevice': return twin.approveDevice(typeof first === 'string' ? first : undefined)
    case 'denyDevice': return twin.denyDevice(typeof first === 'string' ? first : undefined)
    case 'enqueue': return twin.enqueue(...values.map(decodeReply))
    case 'enqueueRefresh': return twin.enqueueRefresh(...values.filter(isRecord))
    case 'refuse': return twin.refuse(String(first), isRecord(second) ? second : {})
    case 'configure': return twin.configure(record)
    case 'exhaust': return twin.exhaust(String(first), Number(second), isRecord(third) ? third : {})
    case 'relieve': return twin.relieve(typeof first === 'string' ? first : undefined)
    case 'setModels': return twin.setModels(Array.isArray(first) ? first : [])
    case 'planUse': return twin.planUse()
    case 'setRateLimits': return twin.setRateLimits(record)
    case 'expireAccessTokens': return twin.expireAccessTokens()
    case 'revokeAccessToken': return twin.revokeAccessToken(String(first))
    case 'invalidateRefreshToken': return twin.invalidateRefreshToken(String(first))
    case 'expireConnections': return twin.expireConnections()
    case 'forgetResponses': return twin.forgetResponses()
    case 'closeSockets': return twin.closeSockets(typeof first === 'number' ? first : undefined)
    case 'requests': return twin.requests
    case 'responses': return twin.responses()
    case 'refreshes': return twin.refreshes
    case 'revocations': return twin.revocations
    case 'openConnections': return twin.openConnections()
    case 'activity': return twin.activity()
    case 'pendingReplies': return twin.pendingReplies()
    default: throw new RangeError(`the twin has no word ${word}`)
  }
}

/** Answers `{result}`, or 400 with `{error}`. */
export function createControl(twin: Twin): (exchange: HttpExchange) => void {
  return (exchange) => {
    const word = exchange.url.pathname.slice('/__twin/'.length)
    const { body } = exchange.entry
    const values: unknown[] = Array.isArray(body) ? body : body === undefined ? [] : [body]
    try {
      if (exchange.request.method !== 'POST') throw new RangeError('the control takes POST')
      sendReply(exchange, { status: 200, body: { result: run(twin, word, values) ?? null } })
    } catch (error) {
      sendReply(exchange, { status: 400, body: { error: String(error) } })
    }
  }
}
