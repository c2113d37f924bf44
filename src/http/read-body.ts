import type { IncomingMessage } from 'node:http'
import type { JsonObject } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { HttpFailure, badRequest } from './http-failure.js'

/** A 1 MB prompt with 5 MB images in base64 fits several times. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024

/** The body as a JSON object. @throws HttpFailure 400, 413, 415 */
export async function readJsonBody(request: IncomingMessage): Promise<JsonObject> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') throw new HttpFailure(415, `Bodies are taken as they are, not in content-encoding ${encoding}.`, { type: 'invalid_request_error', code: 'unsupported_content_encoding', headers: { 'accept-encoding': 'identity' } })
  const body = parseJson((await readBody(request)).toString('utf8'))
  if (!isRecord(body)) throw badRequest('the body must be a JSON object, nested no deeper than 500 levels')
  return body
}

/** By events: iterating a request costs a short answer 3 % of its CPU. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) {
      reject(tooLarge())
      return
    }
    const chunks: Buffer[] = []
    let size = 0
    const take = (chunk: Buffer): void => {
      size += chunk.length
      if (size <= MAX_BODY_BYTES) return void chunks.push(chunk)
      chunks.length = 0
      request.off('data', take)
      reject(tooLarge())
    }
    request.on('data', take)
    let ended = false
    request.once('end', () => {
      ended = true
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    })
    request.once('error', reject)
    request.once('close', () => {
      // An error's stack costs 10 µs, and every request is closed.
      if (!ended) reject(badRequest('the body ended before its time'))
    })
  })
}

const tooLarge = (): HttpFailure =>
  new HttpFailure(413, `The request is larger than ${MAX_BODY_BYTES / 1024 / 1024} MB.`, { type: 'invalid_request_error', code: 'request_too_large' })
