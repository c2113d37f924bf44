import type { ServerResponse } from 'node:http'
import { ownerOf, type Exchange } from './endpoint.js'
import { badRequest } from './http-failure.js'
import { createRecordFinder, notFound, readHistory, type ResponseRecord } from './response-record.js'
import { writeJson } from './write-json.js'

async function findRecord(exchange: Exchange, id: string): Promise<ResponseRecord> {
  const record = await createRecordFinder(exchange).find(id)
  if (!record) throw notFound(id)
  return record
}

/** `GET /v1/responses/{id}`. @throws HttpFailure 404 */
export async function showResponse(exchange: Exchange, id: string, response: ServerResponse): Promise<void> {
  writeJson(response, (await findRecord(exchange, id)).response)
}

/** `DELETE /v1/responses/{id}`. @throws HttpFailure 404 */
export async function deleteResponse(exchange: Exchange, id: string, response: ServerResponse): Promise<void> {
  if (!(await exchange.endpoint.store.delete(await ownerOf(exchange), id))) throw notFound(id)
  writeJson(response, { id, object: 'response.deleted', deleted: true })
}

const MAX_PAGE = 100

/** `GET /v1/responses/{id}/input_items`, newest first unless `order=asc`; `after` and `limit` page. @throws HttpFailure 404, 400 */
export async function listInputItems(exchange: Exchange, id: string, query: URLSearchParams, response: ServerResponse): Promise<void> {
  const record = await findRecord(exchange, id)
  const previous = record.response.previous_response_id
  const before = typeof previous === 'string' ? (await readHistory(createRecordFinder(exchange), previous)).items : []
  const items = [...before, ...record.input]
  if (query.get('order') !== 'asc') items.reverse()
  const limit = Number(query.get('limit') ?? 20)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) throw badRequest(`limit takes 1 to ${MAX_PAGE}`, 'limit')
  const after = query.get('after')
  const from = after === null ? 0 : items.findIndex((item) => item.id === after) + 1
  if (after !== null && from === 0) throw badRequest(`after names no item of this response: ${after}`, 'after')
  const data = items.slice(from, from + limit)
  writeJson(response, { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: from + limit < items.length })
}
