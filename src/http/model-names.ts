import { suggestName } from '../config/index.js'
import { isLLMError, parseModelName, parseRoleName, type JsonObject } from '../contract/index.js'
import type { Endpoint, Exchange } from './endpoint.js'
import { HttpFailure, toHttpFailure } from './http-failure.js'
import { noteFailure } from './route-headers.js'

/** The known name nearest to one that is not there. */
export function suggestModel(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.replaceAll('-', '_')
  const meant = suggestName(plain(name), known.map(plain))
  return known.find((candidate) => plain(candidate) === meant)
}

/**
 * The ids of the account's models; undefined where the list cannot be had, so that the call itself says why.
 * @throws LLMError where the wait for it was ended: the client has gone, or `total_timeout` has passed
 */
export async function listIds({ endpoint: { provider }, signal }: Exchange): Promise<string[] | undefined> {
  try {
    return (await provider.listModels({ signal })).map(({ id }) => id)
  } catch (error) {
    if (signal.aborted || (isLLMError(error) && error.name === 'LLMTimeoutError')) throw error
    return undefined
  }
}

async function listNames({ endpoint: { provider, roles }, signal }: Exchange): Promise<string[]> {
  return [...(await provider.listModels({ signal })).map(({ id }) => id), ...nameRoles(roles)]
}

const nameRoles = (roles: readonly string[]): string[] => roles.map((role) => `role:${role}`)

/** `GET /v1/models`: the account's models, and the roles as `role:NAME`. */
export async function listModels(exchange: Exchange): Promise<JsonObject> {
  return { object: 'list', data: (await listNames(exchange)).map((id) => describe(exchange.endpoint, id)) }
}

/** `GET /v1/models` as clients of the Messages dialect read it. */
export async function listMessageModels(exchange: Exchange): Promise<JsonObject> {
  const data = (await listNames(exchange)).map((id) => describeMessageModel(exchange.endpoint, id))
  return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }
}

const describeMessageModel = ({ now }: Endpoint, id: string): JsonObject => ({ type: 'model', id, display_name: id, created_at: new Date(now()).toISOString() })

function describe({ provider, now }: Endpoint, id: string): JsonObject {
  return { id, object: 'model', created: Math.floor(now() / 1000), owned_by: provider.name }
}

/** `GET /v1/models/{id}`. @throws HttpFailure 404 with the nearest name */
export async function findModel(exchange: Exchange, id: string): Promise<JsonObject> {
  const { endpoint } = exchange
  const names = await listNames(exchange)
  if (names.includes(id) || endpoint.roles.includes(id)) return describe(endpoint, id)
  throw notThere(id, suggestModel(id, [...names, ...endpoint.roles]))
}

/**
 * Refuses a name that a call would be refused for; nothing where the list cannot be had.
 * @throws HttpFailure 404 with the nearest name, LLMError where the wait for the list was ended
 */
export async function checkModel(exchange: Exchange, name: string): Promise<void> {
  const { endpoint } = exchange
  const ids = await listIds(exchange)
  if (!ids) return
  const names = [...ids, ...nameRoles(endpoint.roles)]
  if (names.includes(name) || endpoint.roles.includes(name) || names.includes(parseModelName(name).slug)) return
  const roles = parseRoleName(name)
  if (roles && (endpoint.roles.length === 0 || roles.every((role) => endpoint.roles.includes(role)))) return
  throw notThere(name, suggestModel(name, [...names, ...endpoint.roles]))
}

function notThere(id: string, meant: string | undefined): HttpFailure {
  return new HttpFailure(404, `There is no model ${JSON.stringify(id)}.${meant ? ` Did you mean ${meant}?` : ''} GET /v1/models lists what there is.`, {
    type: 'not_found_error', code: 'model_not_available', param: 'model', headers: { 'x-error-kind': 'NotFoundError' },
  })
}

/** A call's failure in the dialect: why the server cut it, or a model that is not there with the nearest name, roles among them. */
export async function explainFailure(exchange: Exchange, error: unknown): Promise<HttpFailure> {
  const { endpoint, signal, note: { model } } = exchange
  const failure = toHttpFailure(signal.reason instanceof HttpFailure ? signal.reason : error)
  if (failure.status !== 404 || failure.fields.code !== 'model_not_available' || model === undefined) {
    noteFailure(exchange.note, error)
    return failure
  }
  const names = await listNames(exchange).catch(() => [])
  return notThere(model, suggestModel(model, [...names, ...endpoint.roles]))
}
