/** A token endpoint with single-use refresh tokens, for the cases where a test wants to script each answer. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { accessToken } from './tokens.js'

export type Verdict = 'handled' | 'go_on'

export interface Issuer {
  url: string
  /** every refresh token that arrived, in order */
  received: string[]
  /** answers in front of the real one; `commit` spends the token although the answer is this */
  script: ((request: { token: string }, response: ServerResponse) => Verdict | Promise<Verdict>)[]
  /** the refresh token that is good now */
  live: string
  /** makes the next pair without an exchange */
  issue(): { access_token: string; refresh_token: string; expires_in: number }
}

export async function startIssuer(options: { now?: () => number; ttlSeconds?: number; accountId?: string } = {}): Promise<Issuer> {
  const now = options.now ?? Date.now
  const ttl = options.ttlSeconds ?? 3600
  let serial = 0
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  const issuer: Issuer = {
    url,
    received: [],
    script: [],
    live: 'rt-made-up-0',
    issue() {
      serial += 1
      issuer.live = `rt-made-up-${serial}`
      return {
        access_token: accessToken({ issuer: url, serial, iatMs: now(), expMs: now() + ttl * 1000, ...(options.accountId ? { accountId: options.accountId } : {}) }),
        refresh_token: issuer.live,
        expires_in: ttl,
      }
    },
  }
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as { refresh_token: string }
    issuer.received.push(body.refresh_token)
    const scripted = issuer.script.shift()
    if (scripted && (await scripted({ token: body.refresh_token }, response)) === 'handled') return
    if (body.refresh_token !== issuer.live) return reply(response, 401, { error: { code: 'refresh_token_reused', message: `token ${body.refresh_token} was used` } })
    reply(response, 200, issuer.issue())
  }
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return issuer
}

export function reply(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
