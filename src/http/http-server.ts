import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AbortError, type Provider } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { answerChat, answerResponses, writeJson, type AnswerInput } from './answer-request.js'
import { HttpFailure, badRequest, toHttpFailure } from './http-failure.js'

export interface HttpServerOptions {
  provider: Provider
  /** required as a bearer of every request */
  key: string
  /** the roles that a model name may be, as `role:NAME` */
  roles?: readonly string[]
  /** default 127.0.0.1 */
  host?: string
  /** default 0: any that is free */
  port?: number
  /** ms since 1970 */
  now?: () => number
}

export interface HttpServer {
  /** `http://127.0.0.1:PORT/v1` */
  readonly baseUrl: string
  /** Stops what runs and lets go of every connection; twice without harm. */
  close(): Promise<void>
}

/** A 1 MB prompt with 5 MB images in base64 fits several times. */
const MAX_BODY_BYTES = 64 * 1024 * 1024

/** Opens the server; resolves when it listens. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host = '127.0.0.1', port = 0 } = options
  const server = createServer((request, response) => void handle(options, server, request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return {
    baseUrl: `http://${name}:${address.port}/v1`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}

async function handle(options: HttpServerOptions, server: Server, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => {
    if (!response.writableEnded) gone.abort(new AbortError('The client has gone.'))
  })
  try {
    admit(options, server, request)
    await route(options, request, response, gone.signal)
  } catch (error) {
    const failure = toHttpFailure(error)
    if (response.headersSent) response.destroy()
    else writeJson(response, failure.body(), failure.status, failure.fields.headers)
  }
}

/** Who may come in: our own name in Host (a page that rebinds DNS cannot say it), no page of another origin, the key. */
function admit({ key, host = '127.0.0.1' }: HttpServerOptions, server: Server, request: IncomingMessage): void {
  const { port } = server.address() as AddressInfo
  const asked = (request.headers.host ?? '').toLowerCase()
  // The address that the client really reached is ours too, where the server was opened to the network.
  const reached = request.socket.localAddress?.replace(/^::ffff:/, '') ?? ''
  const names = new Set(['127.0.0.1', 'localhost', '[::1]', host.toLowerCase(), reached, `[${reached}]`].map((name) => `${name}:${port}`))
  if (!names.has(asked)) throw new HttpFailure(403, 'This server does not go by that Host.', { type: 'permission_error' })
  if (request.headers.origin !== undefined) throw new HttpFailure(403, 'Web pages are not let in.', { type: 'permission_error' })
  const given = Buffer.from((request.headers.authorization ?? '').replace(/^bearer +/i, ''))
  const wanted = Buffer.from(key)
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw new HttpFailure(401, 'The key that this server showed when it opened is required as a bearer.', { type: 'authentication_error', code: 'invalid_api_key' })
  }
}

async function route(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const [pathname = '/'] = (request.url ?? '/').split('?')
  const { provider, now = Date.now } = options
  if (pathname === '/v1/models' && request.method === 'GET') {
    writeJson(response, await listModels(options))
    return
  }
  const answer = pathname === '/v1/chat/completions' ? answerChat : pathname === '/v1/responses' ? answerResponses : undefined
  if (!answer) throw new HttpFailure(404, `There is nothing at ${pathname}: /v1/models, /v1/responses and /v1/chat/completions are served.`, { type: 'not_found_error' })
  if (request.method !== 'POST') throw new HttpFailure(405, `${pathname} takes POST.`, { type: 'invalid_request_error', headers: { allow: 'POST' } })
  const body = parseJson((await readBody(request)).toString('utf8'))
  if (!isRecord(body)) throw badRequest('the body must be a JSON object')
  await answer({ provider, body, response, signal, now } satisfies AnswerInput)
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    if (size > MAX_BODY_BYTES) throw new HttpFailure(413, `The request is larger than ${MAX_BODY_BYTES / 1024 / 1024} MB.`, { type: 'invalid_request_error' })
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

async function listModels({ provider, roles = [], now = Date.now }: HttpServerOptions): Promise<unknown> {
  const created = Math.floor(now() / 1000)
  const models = await provider.listModels()
  const ids = [...models.map(({ id }) => id), ...roles.map((role) => `role:${role}`)]
  return { object: 'list', data: ids.map((id) => ({ id, object: 'model', created, owned_by: provider.name })) }
}
