import type { JsonObject } from '../contract/index.js'
import { isRecord, parseJson, readString } from '../lib/index.js'
import { buildItemId } from '../dialects/index.js'
import { ownerOf, type Exchange } from './endpoint.js'
import { HttpFailure } from './http-failure.js'
import type { ResponseStore } from './response-store.js'

/** A response as it is kept: what it added to its conversation, and where that goes on from. */
export interface ResponseRecord {
  /** the response object, as it was answered */
  response: JsonObject
  /** the request's own items, without those of the responses before it */
  input: JsonObject[]
  /** the conversation's name at the backend */
  conversation: string
}

/** Finds what a request may refer to: kept responses, and before them those of its own WebSocket. */
export interface RecordFinder {
  find(id: string): Promise<ResponseRecord | undefined>
}

export function createRecordFinder(exchange: Exchange, local?: ReadonlyMap<string, ResponseRecord>): RecordFinder {
  const { store } = exchange.endpoint
  return {
    find: async (id) => local?.get(id) ?? readRecord(await store.get(await ownerOf(exchange), id)),
  }
}

function readRecord(text: string | undefined): ResponseRecord | undefined {
  const value = text === undefined ? undefined : parseJson(text)
  if (!isRecord(value) || !isRecord(value.response) || !Array.isArray(value.input)) return undefined
  return { response: value.response, input: value.input.filter(isRecord), conversation: String(value.conversation) }
}

export async function keepRecord(store: ResponseStore, owner: string, record: ResponseRecord): Promise<void> {
  await store.put(owner, String(record.response.id), JSON.stringify(record))
}

/** The items of a request, each with an id that says which response it belongs to. */
export function nameInputItems(items: readonly JsonObject[], responseId: string): JsonObject[] {
  return items.map((item, index) => {
    const type = readString(item, 'type') ?? 'message'
    return typeof item.id === 'string' ? { ...item, type } : { id: buildItemId(responseId, type, `i${index}`), ...item, type }
  })
}

export const outputOf = ({ response }: ResponseRecord): JsonObject[] => (Array.isArray(response.output) ? response.output.filter(isRecord) : [])

export const notFound = (id: string, param = 'response_id'): HttpFailure =>
  new HttpFailure(404, `Response with id '${id}' not found.`, { type: 'not_found_error', code: 'response_not_found', param })

const MAX_CHAIN = 10_000

/**
 * All items before a request that continues `id`, oldest first.
 * @throws HttpFailure 400 `previous_response_not_found`, also where an earlier link is gone
 */
export async function readHistory(finder: RecordFinder, id: string): Promise<{ items: JsonObject[]; conversation: string }> {
  const links: ResponseRecord[] = []
  const seen = new Set<string>()
  for (let next: string | undefined = id; next !== undefined; ) {
    const record: ResponseRecord | undefined = seen.has(next) || seen.size > MAX_CHAIN ? undefined : await finder.find(next)
    if (!record) {
      throw new HttpFailure(400, `Previous response with id '${next}' not found.`, {
        type: 'invalid_request_error', code: 'previous_response_not_found', param: 'previous_response_id',
      })
    }
    seen.add(next)
    links.push(record)
    next = readString(record.response, 'previous_response_id')
  }
  const items = links.reverse().flatMap((record) => [...record.input, ...outputOf(record)])
  return { items, conversation: (links[0] as ResponseRecord).conversation }
}

/** Puts the items in the place of their references. @throws HttpFailure 404 for one that is not kept */
export async function resolveReferences(finder: RecordFinder, items: readonly unknown[]): Promise<unknown[]> {
  const resolved: unknown[] = []
  for (const [index, item] of items.entries()) {
    if (!isRecord(item) || item.type !== 'item_reference') resolved.push(item)
    else resolved.push(await resolveReference(finder, String(item.id), `input[${index}].id`))
  }
  return resolved
}

async function resolveReference(finder: RecordFinder, id: string, param: string): Promise<JsonObject> {
  const [, hex] = /^[a-z]+_([0-9a-f]{32})_i?\d+$/.exec(id) ?? []
  const record = hex === undefined ? undefined : await finder.find(`resp_${hex}`)
  const found = record && [...outputOf(record), ...record.input].find((item) => item.id === id)
  if (found) return found
  throw new HttpFailure(404, `Item with id '${id}' not found. Items are kept with their response: ask with store true, or send the item itself.`, {
    type: 'invalid_request_error', code: 'item_not_found', param,
  })
}
