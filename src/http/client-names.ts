import type { IncomingMessage } from 'node:http'
import type { ChatRequest } from '../contract/index.js'
import { defined } from '../lib/index.js'
import type { ClientNames, Exchange } from './endpoint.js'

/** As Codex has called its session in its versions. */
const SESSION_HEADERS = ['session-id', 'session_id', 'conversation_id', 'thread-id'] as const
/** What stands in totals: a word, not a text. */
const NAME = /^[\w.:@/ -]{1,200}$/

/** What a client's headers say of itself: its session, and in `x-agent` the agent that asks. */
export function readClientNames({ headers }: Pick<IncomingMessage, 'headers'>): ClientNames {
  const read = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' && NAME.test(value) ? value : undefined
  }
  return defined({ session: SESSION_HEADERS.map(read).find((name) => name !== undefined), agent: read('x-agent') })
}

/** The request with who asks in its metadata, which never reach the backend: the key, the session and the agent of the totals. */
export function nameClient({ client, key }: Exchange, request: ChatRequest): ChatRequest {
  const session = client.session ?? request.conversation_id
  const http_client = { key: key.name, ...defined({ session }) }
  const metadata: ChatRequest['metadata'] = client.agent === undefined ? { http_client } : { http_client, agent: client.agent }
  // What is added behind a spread costs a microsecond; what stood in the request's own gives way.
  const named: ChatRequest = { metadata, ...request }
  named.metadata = request.metadata ? Object.assign({}, request.metadata, metadata) : metadata
  return named
}
