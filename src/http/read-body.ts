import type { IncomingMessage } from 'node:http'
import type { JsonObject } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { HttpFailure, badRequest } from './http-failure.js'

/** A 1 MB prompt with 5 MB images in base64 fits several times. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024

/** The body as a JSON object. @throws HttpFailure 400, 413 */
export async function readJsonBody(request: IncomingMessage): Promise<JsonObject> {
  const body = parseJson((await readBody(request)).toString('utf8'))
  if (!isRecord(body)) throw badRequest('the body must be a JSON object')
  return body
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = new HttpFailure(413, `The request is larger than ${MAX_BODY_BYTES / 1024 / 1024} MB.`, { type: 'invalid_request_error', code: 'request_too_large' })
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) {
    // Read to nothing: a client that still sends does not see an answer on a connection that was cut.
    request.resume()
    throw tooLarge
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    if (size > MAX_BODY_BYTES) throw tooLarge
    chunks.push(chunk as Buffer)
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}
