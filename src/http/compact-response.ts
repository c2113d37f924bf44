import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { JsonObject } from '../contract/index.js'
import { buildResponseUsage } from '../dialects/index.js'
import { openWriter, readTurn, runTurn } from './answer-responses.js'
import type { Exchange } from './endpoint.js'
import { badRequest } from './http-failure.js'
import { outputOf } from './response-record.js'
import { setRouteHeaders } from './route-headers.js'
import { writeJson } from './write-json.js'

/** `POST /v1/responses/compact`: the backend's one item that stands for a history. @throws HttpFailure, LLMError */
export async function compactResponse(exchange: Exchange, body: JsonObject, response: ServerResponse): Promise<void> {
  const input = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : Array.isArray(body.input) ? (body.input as unknown[]) : []
  if (input.length === 0 && typeof body.previous_response_id !== 'string') throw badRequest('input must be a text or a list with at least one item', 'input')
  const turn = await readTurn(exchange, { ...body, store: false, stream: false, input: [...input, { type: 'compaction_trigger' }] })
  const record = await runTurn(exchange, turn, openWriter(exchange, turn), { write: () => undefined, drained: () => undefined })
  setRouteHeaders(response, exchange.note)
  const { created_at, usage } = record.response
  writeJson(response, {
    id: `resp_${randomUUID().replaceAll('-', '')}`,
    object: 'response.compaction',
    created_at,
    output: outputOf(record),
    usage: usage ?? buildResponseUsage({ input_tokens: 0, output_tokens: 0, total_tokens: 0 }),
  })
}
