import type { ServerResponse } from 'node:http'

/** A whole JSON answer with its length; nothing where the client is gone. */
export function writeJson(response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}): void {
  if (response.destroyed || response.headersSent) return
  const text = JSON.stringify(value)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers })
  response.end(text)
}
